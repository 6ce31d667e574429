"""The index is made, built anew while writes go on, and restored."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from elasticsearch import Elasticsearch
from hcommon.auth import ANONYMOUS
from hcommon.db.engine import Database
from hcommon.models import Annotation
from hcommon.search.document import read_batch
from hcommon.search.elasticsearch.backend import ElasticsearchBackend
from hcommon.search.elasticsearch.client import IndexUnavailableError
from hcommon.search.elasticsearch.lifecycle import IndexStateError, SearchIndex, next_alias
from hcommon.search.elasticsearch.mapping import MAPPING_VERSION, MAPPINGS, SETTINGS
from hcommon.search.query import SearchQuery
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


def old_index(elasticsearch: Elasticsearch, alias: str) -> str:
    """Make an index as version 1 of the mapping had it, and search it."""
    known = {name: kind for name, kind in MAPPINGS["properties"].items() if name not in {"sealed", "revealed_to"}}
    name = f"{alias}-1-0123abcd"
    mappings = MAPPINGS | {"_meta": {"version": 1}, "properties": known}
    aliases: dict[str, dict[str, str]] = {alias: {}, f"{alias}-write-1": {}}
    elasticsearch.indices.create(index=name, mappings=mappings, settings=SETTINGS, aliases=aliases)
    return name


class TestUpgrading:
    def test_an_index_of_another_release_gives_way_to_one_of_this_and_is_kept(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database
    ) -> None:
        old = old_index(elasticsearch, alias)
        ids = write(fresh_database, 3)
        assert (index.mapping_version(), index.is_current()) == (1, False)
        assert index.renew(fresh_database) == 3
        assert (index.mapping_version(), index.is_current()) == (MAPPING_VERSION, True)
        assert in_index(index) == ids
        # An indexer of the other release that still runs goes on with its own.
        assert list(elasticsearch.indices.get_alias(name=f"{alias}-write-1")) == [old]

    def test_the_way_back_takes_the_index_that_was_kept(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database
    ) -> None:
        ids = write(fresh_database, 2)
        index.rebuild(fresh_database)
        mine = index.live()
        other = old_index(elasticsearch, alias)
        elasticsearch.indices.delete_alias(index=mine or "", name=alias)
        new = write(fresh_database)
        assert (index.live(), index.is_current()) == (other, False)
        assert index.renew(fresh_database) == 1
        assert index.live() == mine
        assert in_index(index) == sorted([*ids, *new])


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

    def test_one_that_was_killed_goes_on_from_what_it_noted(
        self, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        noting = SearchIndex(elasticsearch, alias=alias, noted_every=500)
        with pytest.raises(Interrupted):
            noting.rebuild(fresh_database, on_progress=interrupt)
        (building,) = elasticsearch.indices.get_alias(name=next_alias(alias))
        assert noting.rebuild(fresh_database) == 2
        assert noting.live() == building
        assert in_index(noting) == ids

    def test_one_that_is_begun_anew_leaves_nothing_of_it(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        with pytest.raises(Interrupted):
            index.rebuild(fresh_database, on_progress=interrupt)
        (given_up,) = elasticsearch.indices.get_alias(name=next_alias(alias))
        index.rebuild(fresh_database, begins_anew=True)
        assert not elasticsearch.indices.exists(index=given_up)
        index.rebuild(fresh_database)
        assert len(elasticsearch.indices.get(index=f"{alias}-*")) == 2
        assert in_index(index) == ids

    def test_two_at_once_do_not_get_into_each_others_way(
        self, index: SearchIndex, fresh_database: Database, ids: list[UUID]
    ) -> None:
        def another(_: Progress) -> None:
            with pytest.raises(IndexStateError, match="Another process"):
                index.rebuild(fresh_database)

        assert index.rebuild(fresh_database, on_progress=another) == len(ids)

    def test_searches_meanwhile_miss_nothing_and_writes_never_stop(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        backend = ElasticsearchBackend(elasticsearch, index=alias, database=fresh_database, timeout_seconds=60)
        stop = threading.Event()
        written: list[UUID] = []

        def write_on() -> None:
            while not stop.is_set():
                written.extend(write(fresh_database))
                indexed(fresh_database, index, written[-1:])

        def totals() -> Iterator[int]:
            while not stop.is_set():
                yield backend.search(SearchQuery(limit=0), principal=ANONYMOUS).total

        def built(_: object) -> None:
            stop.set()

        with ThreadPoolExecutor(3) as pool:
            writing, searching = pool.submit(write_on), pool.submit(lambda: list(totals()))
            pool.submit(lambda: [index.rebuild(fresh_database) for _ in range(3)]).add_done_callback(built)
            writing.result()
            found = searching.result()
        assert min(found) >= len(ids)
        assert found == sorted(found)
        assert written
        assert list(compare(fresh_database, index.writer())) == []

    def test_there_may_be_nothing_to_go_on_with(
        self, index: SearchIndex, fresh_database: Database, ids: list[UUID]
    ) -> None:
        with pytest.raises(IndexStateError, match="--after"):
            index.rebuild(fresh_database, after=ids[0])

    def test_one_that_loses_its_index_says_so(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database, ids: list[UUID]
    ) -> None:
        def lose(_: Progress) -> None:
            for name in elasticsearch.indices.get(index=f"{alias}-*"):
                if name != index.live():
                    elasticsearch.indices.delete(index=name)

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

    def test_one_of_another_release_is_left_to_that_release(
        self, index: SearchIndex, alias: str, elasticsearch: Elasticsearch, fresh_database: Database
    ) -> None:
        old_index(elasticsearch, alias)
        index.rebuild(fresh_database)
        with pytest.raises(IndexStateError, match="another release"):
            index.restore_previous(fresh_database)

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
