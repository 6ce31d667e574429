"""Walking through a listing page by page loses and repeats nothing, whatever is written meanwhile."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hcommon.auth import ANONYMOUS
from hcommon.models import Annotation, User
from hcommon.search.postgresql import Selection, fetch_page
from hcommon.search.postgresql.statements import visible_source
from hcommon.search.query import Cursor, SearchQuery, SortKey
from hcommon.testing.clock import START
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.examples import examples
from hcommon.testing.factories import make_annotation, make_group, make_user
from hcommon.uri import parse_versioned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

PAGE = (parse_versioned("https://example.com/page"),)
DATES = Selection(source=visible_source, columns=lambda _: (Annotation.id, Annotation.created, Annotation.updated))

seconds = st.integers(0, 6)


def write(session: Session, user: User, second: int) -> UUID:
    return make_annotation(session, user=user, created=START + timedelta(seconds=second)).id


def walk(
    session: Session, *, asked: SearchQuery, with_ids: bool, meanwhile: list[tuple[int, int]], user: User
) -> tuple[Counter[UUID], set[UUID]]:
    """Walk to the end; return how often each annotation came, and what was written on the way."""
    seen: Counter[UUID] = Counter()
    written: set[UUID] = set()
    query = asked
    for number in range(200):
        page = fetch_page(session.connection(), query, principal=ANONYMOUS, selection=DATES)
        if not page.rows:
            return seen, written
        seen.update(row["id"] for row in page.rows)
        last = page.rows[-1]
        query = replace(asked, after=Cursor(last["created"], last["id"] if with_ids else None))
        written |= {write(session, user, second) for when, second in meanwhile if when == number}
    raise AssertionError("the walk does not end")


@settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    dates=st.lists(seconds, max_size=20),
    meanwhile=st.lists(st.tuples(st.integers(0, 5), seconds), max_size=8),
    asked=st.builds(
        SearchQuery,
        uris=st.just(PAGE),
        sort=st.just(SortKey.CREATED),
        descending=st.booleans(),
        limit=st.integers(1, 6),
    ),
    with_ids=st.booleans(),
)
def test_every_annotation_comes_once(
    rolled_back: RolledBackDatabase,
    *,
    dates: list[int],
    meanwhile: list[tuple[int, int]],
    asked: SearchQuery,
    with_ids: bool,
) -> None:
    with rolled_back.transaction() as session:
        user = make_user(session)
        there = {write(session, user, second) for second in dates}
        seen, written = walk(session, asked=asked, with_ids=with_ids, meanwhile=meanwhile, user=user)
        assert set(seen) - there <= written
        assert there <= set(seen)
        assert all(times == 1 for times in seen.values())
        session.rollback()


@settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    there=st.lists(st.tuples(seconds, st.integers(0, 2), st.booleans()), max_size=20),
    meanwhile=st.lists(st.tuples(st.integers(0, 5), seconds, st.integers(0, 2)), max_size=8),
    asked=st.builds(
        SearchQuery,
        uris=st.just(PAGE),
        sort=st.sampled_from(SortKey),
        descending=st.booleans(),
        limit=st.integers(1, 6),
        offset=st.integers(0, 2),
    ),
)
def test_every_annotation_comes_once_by_the_next_of_each_page(
    rolled_back: RolledBackDatabase,
    *,
    there: list[tuple[int, int, bool]],
    meanwhile: list[tuple[int, int, int]],
    asked: SearchQuery,
) -> None:
    with rolled_back.transaction() as session:
        users = [make_user(session) for _ in range(3)]
        groups = [make_group(session, kind="open") for _ in range(2)]

        def write(second: int, user: int, group: int = 0) -> UUID:
            when = START + timedelta(seconds=second)
            return make_annotation(session, user=users[user], group=groups[group], created=when, updated=when).id

        old = {write(second, user, int(group)) for second, user, group in there}
        seen: Counter[UUID] = Counter()
        written: set[UUID] = set()
        query = asked
        for number in range(200):
            page = fetch_page(session.connection(), query, principal=ANONYMOUS, selection=DATES)
            seen.update(row["id"] for row in page.rows)
            assert number == 0 or len(page.rows) <= asked.limit
            written |= {write(second, user) for when, second, user in meanwhile if when == number}
            if page.next is None:
                break
            query = replace(asked, after=page.next, offset=0)
        else:
            raise AssertionError("the walk does not end")
        assert set(seen) - old <= written
        assert len(old - set(seen)) == min(asked.offset, len(old))
        assert all(times == 1 for times in seen.values())
        session.rollback()
