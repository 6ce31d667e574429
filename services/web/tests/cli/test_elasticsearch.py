"""`h init`, `h check` and `h search` where Elasticsearch searches; left out without one."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from hcommon.db.engine import Database
from hcommon.models import Annotation
from hcommon.search.elasticsearch.client import connect
from hcommon.search.elasticsearch.mapping import MAPPING_VERSION
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import update


@pytest.fixture
def variables(elasticsearch_url: str) -> Iterator[dict[str, str]]:
    """Where the command finds Elasticsearch, and an index of the test's own."""
    alias = f"h-test-{secrets.token_hex(4)}"
    yield {"ELASTICSEARCH_URL": elasticsearch_url, "ELASTICSEARCH_INDEX": alias}
    client = connect(elasticsearch_url, timeout_seconds=60)
    for index in client.indices.get(index=f"{alias}*"):
        client.indices.delete(index=index)
    client.close()


@pytest.fixture
def ids(database: Database) -> list[UUID]:
    with database.transaction() as session:
        user = make_user(session)
        return sorted(make_annotation(session, user=user).id for _ in range(3))


class TestInit:
    def test_it_makes_and_fills_the_index_once(
        self, h: Callable[..., Any], database: Database, ids: list[UUID], variables: dict[str, str]
    ) -> None:
        first = h("init", **variables)
        assert first.exit_code == 0, first.output
        assert f"Created the search index {variables['ELASTICSEARCH_INDEX']}-{MAPPING_VERSION}-" in first.output
        assert "with 3 annotations" in first.output
        assert "search index" not in h("init", **variables).output
        assert h("search", "check", **variables).output == "missing: 0\nstale: 0\norphaned: 0\n"

    def test_an_index_of_another_release_is_built_anew(
        self, h: Callable[..., Any], database: Database, ids: list[UUID], variables: dict[str, str]
    ) -> None:
        alias = variables["ELASTICSEARCH_INDEX"]
        client = connect(variables["ELASTICSEARCH_URL"], timeout_seconds=60)
        mappings = {"_meta": {"version": 1}, "properties": {"id": {"type": "keyword"}}}
        client.indices.create(index=f"{alias}-1-0123abcd", mappings=mappings, aliases={alias: {}})
        client.close()
        assert "mapping 1, of another release" in h("check", **variables).output
        done = h("init", **variables)
        assert done.exit_code == 0, done.output
        assert "The search index has mapping 1" in done.output
        assert "after writing 3 documents" in done.output
        assert h("search", "check", **variables).output == "missing: 0\nstale: 0\norphaned: 0\n"
        assert "search index" not in h("init", **variables).output

    def test_an_elasticsearch_that_does_not_answer_is_told(self, h: Callable[..., Any], database: Database) -> None:
        done = h("init", "--wait-seconds", "0", ELASTICSEARCH_URL="http://127.0.0.1:1")
        assert done.exit_code == 1


class TestCheck:
    def test_it_looks_at_the_index(self, h: Callable[..., Any], database: Database, variables: dict[str, str]) -> None:
        missing = "search         FAILS    the search index is missing; create it with: h init"
        assert missing in h("check", **variables).output
        h("init", **variables)
        assert (
            f"search         ok       Elasticsearch, mapping {MAPPING_VERSION}, as this release needs it"
            in h("check", **variables).output
        )


class TestSearch:
    def test_differences_are_repaired_and_the_index_is_built_anew_and_restored(
        self, h: Callable[..., Any], database: Database, ids: list[UUID], variables: dict[str, str]
    ) -> None:
        h("init", **variables)
        with database.transaction() as session:
            session.execute(update(Annotation).where(Annotation.id == ids[1]).values(revision=2))
            session.execute(update(Annotation).where(Annotation.id == ids[2]).values(deleted=True, revision=2))
        assert "missing: 0\nstale: 1\norphaned: 1\n" in h("search", "check", **variables).output
        assert h("search", "repair", **variables).output == "Repaired 2 documents.\n"
        assert "Wrote 2 documents." in h("search", "reindex", **variables).output
        assert "again, after 0 repairs" in h("search", "restore", **variables).output
        assert h("search", "check", **variables).exit_code == 0

    def test_postgresql_has_no_index_to_restore(self, h: Callable[..., Any], database: Database) -> None:
        assert h("search", "restore").exit_code == 1
