"""The index is made, built anew while writes go on, and restored."""

from collections.abc import Callable
from uuid import UUID

import pytest
from elasticsearch import Elasticsearch
from hcommon.db.engine import Database
from hcommon.models import Annotation
from hcommon.search.document import read_batch
from hcommon.search.elasticsearch.client import IndexUnavailableError
from hcommon.search.elasticsearch.lifecycle import IndexStateError, SearchIndex
from hcommon.search.elasticsearch.mapping import MAPPING_VERSION
from hcommon.search.reindex import Progress, compare
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import update


def write(database: Database, number: int = 1) -> list[UUID]:
    with database.transaction() as session:
        user = make_user(session)
        first = make_annotation(session, user=user)
        others = [make_annotation(session, user=user, document_id=first.document_id) for _ in range(number - 1)]
        return sorted(each.id for each in (first, *others))


def remove(database: Database, annotation_id: UUID) -> None:
    with database.transaction() as session:
        values = {"deleted": True, "revision": Annotation.revision + 1}
        session.execute(update(Annotation).where(Annotation.id == annotation_id).values(values))


def indexed(database: Database, index: SearchIndex, ids: list[UUID]) -> None:
    """Do what the indexer does."""
    with database.read() as connection:
        batch = read_batch(connection, ids)
    index.writer().write(batch)


def in_index(index: SearchIndex) -> list[UUID]:
    return sorted(index.writer().revisions(after=None, upto=None))


class Interrupted(Exception):  # noqa: N818 - somebody pressed Ctrl-C
    pass


def interrupt(_: Progress) -> None:
    raise Interrupted


class TestFirstIndex:
    def test_it_is_made_filled_and_searched(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database
    ) -> None:
        ids = write(fresh_database, 3)
        assert (index.live(), index.mapping_version(), index.is_current()) == (None, None, False)
        assert index.rebuild(fresh_database) == 3
        assert (index.live() or "").startswith(f"{alias}-{MAPPING_VERSION}-")
        assert (index.mapping_version(), index.is_current()) == (MAPPING_VERSION, True)
        assert in_index(index) == ids
        ((_, settings),) = elasticsearch.indices.get_settings(index=alias, flat_settings=True).items()
        assert settings["settings"]["index.refresh_interval"] == "250ms"
        assert settings["settings"]["index.gc_deletes"] == "1h"

    def test_an_index_with_the_name_of_the_alias_is_told(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database
    ) -> None:
        elasticsearch.indices.create(index=alias)
        with pytest.raises(IndexStateError, match=alias):
            index.rebuild(fresh_database)


class TestRebuilding:
    @pytest.fixture
    def ids(self, index: SearchIndex, fresh_database: Database) -> list[UUID]:
        """Annotations for two batches, indexed."""
        ids = write(fresh_database, 502)
        index.rebuild(fresh_database)
        return ids

    def test_writes_go_on_and_reach_both(self, index: SearchIndex, fresh_database: Database, ids: list[UUID]) -> None:
        before = index.live()
        new: list[UUID] = []

        def meanwhile(_: Progress) -> None:
            if len(new) == 2:
                return  # what is new has the highest ids: the run would never end
            new.extend(write(fresh_database))
            remove(fresh_database, ids[len(new)])
            indexed(fresh_database, index, [new[-1], ids[len(new)]])
            assert new[-1] in in_index(index)  # the old one is still searched, and knows

        index.rebuild(fresh_database, on_progress=meanwhile)
        assert index.live() != before
        assert len(new) == 2
        assert list(compare(fresh_database, index.writer())) == []
        assert set(new) <= set(in_index(index))

    def test_a_batch_that_was_read_before_and_is_written_after_changes_nothing(
        self, index: SearchIndex, fresh_database: Database, ids: list[UUID]
    ) -> None:
        with fresh_database.read() as connection:
            early = read_batch(connection, ids[:2])
        remove(fresh_database, ids[0])
        indexed(fresh_database, index, ids[:1])

        def late(_: Progress) -> None:
            index.writer().write(early)

        index.rebuild(fresh_database, on_progress=late)
        assert ids[0] not in in_index(index)
        assert list(compare(fresh_database, index.writer())) == []

    def test_an_interrupted_run_goes_on_in_the_same_index(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        before = index.live()
        with pytest.raises(Interrupted):
            index.rebuild(fresh_database, on_progress=interrupt)
        assert index.live() == before
        new = write(fresh_database)
        indexed(fresh_database, index, new)
        assert index.rebuild(fresh_database, after=ids[499]) == 3
        assert in_index(index) == sorted([*ids, *new])
        assert len(elasticsearch.indices.get(index=f"{alias}-*")) == 2

    def test_one_that_is_begun_anew_leaves_nothing_of_it(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        with pytest.raises(Interrupted):
            index.rebuild(fresh_database, on_progress=interrupt)
        index.rebuild(fresh_database)
        index.rebuild(fresh_database)
        assert len(elasticsearch.indices.get(index=f"{alias}-*")) == 2
        assert in_index(index) == ids

    def test_there_may_be_nothing_to_go_on_with(
        self, index: SearchIndex, fresh_database: Database, ids: list[UUID]
    ) -> None:
        with pytest.raises(IndexStateError, match="--after"):
            index.rebuild(fresh_database, after=ids[0])

    def test_one_that_loses_its_index_says_so(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        def lose(_: Progress) -> None:
            elasticsearch.indices.delete(index=",".join(elasticsearch.indices.get_alias(name=f"{alias}-next")))

        with pytest.raises(IndexUnavailableError):
            index.rebuild(fresh_database, on_progress=lose)
        assert in_index(index) == ids


class TestRestoring:
    def test_the_index_before_is_brought_up_to_date_and_searched(
        self, index: SearchIndex, fresh_database: Database
    ) -> None:
        ids = write(fresh_database, 2)
        index.rebuild(fresh_database)
        before = index.live()
        index.rebuild(fresh_database)
        remove(fresh_database, ids[0])
        new = write(fresh_database)
        indexed(fresh_database, index, [ids[0], *new])
        assert index.restore_previous(fresh_database) == 2
        assert index.live() == before
        assert in_index(index) == sorted([ids[1], *new])
        assert index.restore_previous(fresh_database) == 0  # and back again

    def test_there_has_to_be_one(self, index: SearchIndex, fresh_database: Database) -> None:
        index.rebuild(fresh_database)
        with pytest.raises(IndexStateError, match="no index before"):
            index.restore_previous(fresh_database)

    def test_a_run_that_was_interrupted_comes_first(self, index: SearchIndex, fresh_database: Database) -> None:
        write(fresh_database)
        index.rebuild(fresh_database)
        index.rebuild(fresh_database)
        with pytest.raises(Interrupted):
            index.rebuild(fresh_database, on_progress=interrupt)
        with pytest.raises(IndexStateError, match="being built"):
            index.restore_previous(fresh_database)


def test_installations_that_share_an_elasticsearch_leave_each_other_alone(
    index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database
) -> None:
    other = SearchIndex(elasticsearch, alias=f"{alias}-1")
    build: Callable[[], object]
    for build in (lambda: other.rebuild(fresh_database), *[lambda: index.rebuild(fresh_database)] * 3):
        build()
    assert other.live()
