"""`h search`."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hcommon.db.engine import Database
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, SearchDocument
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import func, select, text, update


@pytest.fixture
def ids(database: Database) -> list[UUID]:
    """Three annotations."""
    with database.transaction() as session:
        user = make_user(session)
        return sorted(make_annotation(session, user=user).id for _ in range(3))


def documents(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(SearchDocument)).scalar_one()


class TestReindex:
    def test_every_annotation_gets_its_document(
        self, h: Callable[..., Any], database: Database, ids: list[UUID]
    ) -> None:
        done = h("search", "reindex")
        assert done.exit_code == 0, done.output
        assert "Wrote 3 documents." in done.output
        assert documents(database) == 3

    def test_it_goes_on_behind_an_annotation(self, h: Callable[..., Any], database: Database, ids: list[UUID]) -> None:
        h("search", "reindex")
        done = h("search", "reindex", "--after", annotation_id_to_urlsafe(ids[1]))
        assert "Wrote 1 documents." in done.output

    def test_an_id_that_is_none_is_refused(self, h: Callable[..., Any], database: Database) -> None:
        done = h("search", "reindex", "--after", "x")
        assert (done.exit_code, done.output) == (1, "Error: This is not the id of an annotation.\n")

    def test_an_interruption_says_how_to_go_on(
        self, h: Callable[..., Any], database: Database, ids: list[UUID]
    ) -> None:
        with database.transaction() as session:  # more than one batch, the second of which is refused
            user = make_user(session)
            first = make_annotation(session, user=user)
            made = [make_annotation(session, user=user, document_id=first.document_id).id for _ in range(600)]
            last = max(made)
            session.execute(text("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                                 "RAISE EXCEPTION 'no' USING ERRCODE = '57P01'; END $$"))  # fmt: skip
            session.execute(
                text(
                    "CREATE TRIGGER refuse BEFORE INSERT ON search_document FOR EACH ROW "
                    f"WHEN (NEW.annotation_id = '{last}') EXECUTE FUNCTION refuse()"
                )
            )
        try:
            done = h("search", "reindex")
        finally:
            with database.transaction() as session:
                session.execute(text("DROP FUNCTION refuse() CASCADE"))
        everything = sorted([*ids, first.id, *made])
        assert done.exit_code == 1
        assert f"h search reindex --after {annotation_id_to_urlsafe(everything[499])}" in done.output
        assert documents(database) == 500


class TestCheck:
    def test_an_index_like_the_database_is_well(
        self, h: Callable[..., Any], database: Database, ids: list[UUID]
    ) -> None:
        h("search", "reindex")
        done = h("search", "check")
        assert (done.exit_code, done.output) == (0, "missing: 0\nstale: 0\norphaned: 0\n")

    def test_differences_are_counted_and_repaired(
        self, h: Callable[..., Any], database: Database, ids: list[UUID]
    ) -> None:
        h("search", "reindex", "--after", annotation_id_to_urlsafe(ids[0]))
        with database.transaction() as session:
            session.execute(text("DELETE FROM search_document WHERE annotation_id = :id"), {"id": str(ids[0])})
            session.execute(update(Annotation).where(Annotation.id == ids[1]).values(revision=2))
            session.execute(update(Annotation).where(Annotation.id == ids[2]).values(deleted=True, revision=2))
        done = h("search", "check")
        assert done.exit_code == 1
        assert "missing: 1\nstale: 1\norphaned: 1\n" in done.output
        assert h("search", "repair").output == "Repaired 3 documents.\n"
        assert h("search", "check").exit_code == 0
