"""Pages, cursors and limits of the Elasticsearch backend; what it finds is compared with PostgreSQL elsewhere."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from elasticsearch import Elasticsearch
from hcommon.auth import ANONYMOUS
from hcommon.db.engine import Database
from hcommon.models import User
from hcommon.search.backend import SearchUnavailableError, TooManyWordsError
from hcommon.search.document import AnnotationDocument, Batch, read_batch
from hcommon.search.elasticsearch.backend import TIES_AT_ONCE, ElasticsearchBackend, PatternTooComplexError
from hcommon.search.elasticsearch.lifecycle import SearchIndex
from hcommon.search.query import Cursor, SearchQuery, SortKey
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user
from hcommon.uri import parse_wildcard
from sqlalchemy.orm import Session

ALL = SearchQuery(sort=SortKey.CREATED, descending=False)


@pytest.fixture
def backend(
    elasticsearch: Elasticsearch, index: SearchIndex, alias: str, fresh_database: Database
) -> ElasticsearchBackend:
    """A backend whose index is empty."""
    index.rebuild(fresh_database)
    return ElasticsearchBackend(elasticsearch, index=alias, database=fresh_database, timeout_seconds=60)


@pytest.fixture
def write(
    elasticsearch: Elasticsearch, index: SearchIndex, alias: str, fresh_database: Database
) -> Callable[[list[int]], list[UUID]]:
    """Write and index an annotation for each of the seconds; they are found when it returns."""
    with fresh_database.transaction() as session:
        user = make_user(session)

    def run(seconds: list[int]) -> list[UUID]:
        with fresh_database.transaction() as session:
            ids = [_make(session, user, second) for second in seconds]
        with fresh_database.read() as connection:
            index.writer().write(read_batch(connection, ids))
        elasticsearch.indices.refresh(index=alias)
        return ids

    return run


def _make(session: Session, user: User, second: int) -> UUID:
    return make_annotation(session, user=user, created=START + timedelta(seconds=second)).id


class TestPages:
    def test_one_that_would_end_inside_a_run_of_equal_dates_goes_on_to_its_end(
        self, backend: ElasticsearchBackend, write: Callable[[list[int]], list[UUID]]
    ) -> None:
        ids = write([1, 2, 2, 2, 3])
        found = backend.search(replace(ALL, limit=2), principal=ANONYMOUS)
        assert (list(found.ids), found.total) == ([ids[0], *sorted(ids[1:4])], 5)

    def test_however_long_it_is(
        self,
        backend: ElasticsearchBackend,
        write: Callable[[list[int]], list[UUID]],
        index: SearchIndex,
        fresh_database: Database,
    ) -> None:
        with fresh_database.read() as connection:
            (document,) = read_batch(connection, write([1])).documents
        many = TIES_AT_ONCE + 2
        copies: list[AnnotationDocument] = [replace(document, id=UUID(int=number)) for number in range(1, many)]
        index.writer().write(Batch(documents=tuple(copies)))
        index.writer().revisions(after=None, upto=None)  # sees all that was written, and so does who comes after
        found = backend.search(replace(ALL, limit=1), principal=ANONYMOUS)
        assert (len(found.ids), found.total) == (many, many)
        assert list(found.ids) == sorted(found.ids)

    def test_none_is_asked_for_and_the_total_is_told(
        self, backend: ElasticsearchBackend, write: Callable[[list[int]], list[UUID]]
    ) -> None:
        write([1, 2])
        found = backend.search(replace(ALL, limit=0), principal=ANONYMOUS)
        assert (found.ids, found.total) == ((), 2)

    def test_the_last_offset_and_the_longest_page_are_within_what_the_index_takes(
        self, backend: ElasticsearchBackend
    ) -> None:
        assert backend.search(replace(ALL, limit=200, offset=9_800), principal=ANONYMOUS).ids == ()

    @pytest.mark.parametrize("year", [1, 1969, 9999])
    def test_a_cursor_may_be_of_any_time(self, backend: ElasticsearchBackend, year: int) -> None:
        after = Cursor(datetime(year, 12, 31, tzinfo=UTC))
        assert backend.search(replace(ALL, after=after), principal=ANONYMOUS).ids == ()


class TestWalks:
    @pytest.mark.parametrize("with_ids", [False, True])
    @pytest.mark.parametrize("descending", [False, True])
    def test_every_annotation_comes_once_while_others_write(
        self,
        backend: ElasticsearchBackend,
        write: Callable[[list[int]], list[UUID]],
        *,
        descending: bool,
        with_ids: bool,
    ) -> None:
        some = Random(2)  # noqa: S311 - the same each time is what is wanted
        there = set(write([some.randint(0, 6) for _ in range(40)]))
        asked = replace(ALL, limit=4, descending=descending)
        seen: Counter[UUID] = Counter()
        written: set[UUID] = set()
        query = asked
        while page := backend.search(query, principal=ANONYMOUS).ids:
            seen.update(page)
            assert seen.total() < 100, "the walk does not end"
            query = replace(asked, after=Cursor(self._date(page[-1]), page[-1] if with_ids else None))
            if len(written) < 20:
                written.update(write([some.randint(0, 6) for _ in range(4)]))
        assert there <= set(seen) <= there | written
        assert set(seen.values()) == {1}

    @pytest.mark.parametrize("sort", list(SortKey))
    def test_each_page_says_where_the_next_begins(
        self, backend: ElasticsearchBackend, write: Callable[[list[int]], list[UUID]], sort: SortKey
    ) -> None:
        there = set(write([second % 3 for second in range(20)]))
        asked = replace(ALL, limit=3, sort=sort)
        seen: Counter[UUID] = Counter()
        page = backend.search(asked, principal=ANONYMOUS)
        seen.update(page.ids)
        while page.next is not None:
            page = backend.search(replace(asked, after=page.next), principal=ANONYMOUS)
            assert len(page.ids) <= asked.limit
            seen.update(page.ids)
        assert set(seen) == there
        assert set(seen.values()) == {1}

    @staticmethod
    def _date(annotation_id: UUID) -> datetime:
        # The first 48 bits of such an id are its time in milliseconds.
        written = datetime.fromtimestamp((annotation_id.int >> 80) / 1000, tz=UTC)
        return START + timedelta(seconds=round((written - START).total_seconds()))


class TestRefusals:
    def test_a_pattern_that_elasticsearch_cannot_work_out_is_invalid(
        self, backend: ElasticsearchBackend, write: Callable[[list[int]], list[UUID]]
    ) -> None:
        write([1])  # an empty index is not looked into
        pattern = parse_wildcard("https://a.example/*b" + "_" * 40)
        with pytest.raises(PatternTooComplexError):
            backend.search(SearchQuery(wildcard_uris=(pattern,)), principal=ANONYMOUS)

    def test_what_can_just_be_asked_for_is_answered(
        self, backend: ElasticsearchBackend, write: Callable[[list[int]], list[UUID]]
    ) -> None:
        write([1])
        deepest = 0
        for depth in range(1, 30):
            try:
                backend.search(SearchQuery(any=("a b-c-d | x* " * depth,)), principal=ANONYMOUS)
            except TooManyWordsError:
                break
            deepest = depth
        assert deepest >= 10
        backend.search(SearchQuery(any=("a " * 500,), text=("b " * 500,)), principal=ANONYMOUS)

    def test_a_search_that_nothing_can_match_asks_nobody(self, fresh_database: Database) -> None:
        nowhere = Elasticsearch("http://127.0.0.1:1", max_retries=0)
        backend = ElasticsearchBackend(nowhere, index="x", database=fresh_database, timeout_seconds=1)
        for query in (SearchQuery(unmatchable=True), SearchQuery(tags=("!!",)), SearchQuery(groups=("nowherex",))):
            assert backend.search(query, principal=ANONYMOUS).total == 0
        with pytest.raises(SearchUnavailableError):
            backend.search(SearchQuery(), principal=ANONYMOUS)
        nowhere.close()
