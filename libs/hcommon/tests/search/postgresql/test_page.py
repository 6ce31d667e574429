"""Order, cursors, limits and totals of a page, and the statements that it takes."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.db.engine import Database
from hcommon.models import User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import Role
from hcommon.presentation.annotation import annotation_columns, annotation_source
from hcommon.search.backend import SearchUnavailableError
from hcommon.search.postgresql import PostgreSQLBackend, Selection, count, fetch_page
from hcommon.search.query import Cursor, SearchQuery, SortKey
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, make_world_group
from hcommon.uri import parse_versioned
from sqlalchemy import event
from sqlalchemy.orm import Session

PAGE = (parse_versioned("https://example.com/page"),)
ROWS = Selection(source=annotation_source, columns=annotation_columns)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def make(session: Session, user: User, *seconds: float) -> list[UUID]:
    """Make annotations with these dates; return their ids, in the order of date and id."""
    made = [make_annotation(session, user=user, created=at(when)) for when in seconds]
    return [annotation.id for annotation in sorted(made, key=lambda made: (made.created, made.id))]


class TestOrder:
    def test_by_date_then_id(self, session: Session, search: Any) -> None:
        expected = make(session, make_user(session), 5, 1, 3, 3, 3, 2)
        assert list(search(sort=SortKey.CREATED, descending=False).ids) == expected
        assert list(search(sort=SortKey.CREATED, descending=True).ids) == expected[::-1]

    def test_by_date_of_change(self, session: Session, search: Any) -> None:
        user = make_user(session)
        late = make_annotation(session, user=user, created=at(1), updated=at(9))
        early = make_annotation(session, user=user, created=at(2), updated=at(2))
        assert search(sort=SortKey.UPDATED, descending=True).ids == (late.id, early.id)

    def test_by_id(self, session: Session, search: Any) -> None:
        made = make(session, make_user(session), 3, 1, 2)
        assert list(search(sort=SortKey.ID).ids) == sorted(made)

    def test_by_userid_letter_by_letter(self, session: Session, search: Any) -> None:
        names = ["b", "Z", "a", "_c", "a1"]
        made = {name: make_annotation(session, user=make_user(session, username=f"{name}xx")).id for name in names}
        assert search(sort=SortKey.USER).ids == tuple(made[name] for name in ["Z", "_c", "a1", "a", "b"])

    def test_by_group(self, session: Session, search: Any) -> None:
        user = make_user(session)
        groups = [make_group(session, kind="open", pubid=pubid) for pubid in ("bbbbbbbb", "Zaaaaaaa", "aaaaaaaa")]
        made = {group.pubid: make_annotation(session, user=user, group=group).id for group in groups}
        expected = (made["Zaaaaaaa"], made["aaaaaaaa"], made["bbbbbbbb"])
        assert search(sort=SortKey.GROUP).ids == expected


class TestCursors:
    @pytest.mark.parametrize("descending", [False, True])
    def test_a_bare_date_leaves_out_all_rows_of_that_date(
        self, session: Session, search: Any, descending: bool
    ) -> None:
        ids = make(session, make_user(session), 1, 2, 2, 3)
        found = search(descending=descending, after=Cursor(at(2)))
        assert found.ids == ((ids[0],) if descending else (ids[3],))
        assert found.total == 4

    @pytest.mark.parametrize("descending", [False, True])
    def test_with_an_id_the_others_of_that_date_follow(self, session: Session, search: Any, descending: bool) -> None:
        ids = make(session, make_user(session), 1, 2, 2, 2, 3)
        found = search(descending=descending, after=Cursor(at(2), ids[2]))
        assert list(found.ids) == (ids[1::-1] if descending else ids[3:])

    def test_microseconds_count(self, session: Session, search: Any) -> None:
        ids = make(session, make_user(session), 1, 1.000001)
        assert search(after=Cursor(at(1))).ids == (ids[1],)

    @pytest.mark.parametrize("sort", [SortKey.GROUP, SortKey.USER, SortKey.ID])
    def test_other_orders_have_cursors_too(self, session: Session, search: Any, sort: SortKey) -> None:
        names = ["ann", "bob", "cid"]
        groups = [make_group(session, kind="open", pubid=name.ljust(8, "x")) for name in names]
        ids = [
            make_annotation(session, user=make_user(session, username=name), group=group).id
            for name, group in zip(names, groups, strict=True)
        ]
        keys: dict[SortKey, Any] = {SortKey.GROUP: "bobxxxxx", SortKey.USER: "acct:bob@example.org", SortKey.ID: ids[1]}
        assert search(sort=sort, after=Cursor(keys[sort])).ids == (ids[2],)
        assert search(sort=sort, after=Cursor(keys[sort], ids[1])).ids == (ids[2],)
        assert search(sort=sort, descending=True, after=Cursor(keys[sort], ids[1])).ids == (ids[0],)


class TestPages:
    @pytest.mark.parametrize("descending", [False, True])
    def test_a_page_is_extended_to_the_end_of_a_run_of_equal_dates(
        self, session: Session, search: Any, descending: bool
    ) -> None:
        ids = make(session, make_user(session), 1, 2, 2, 2, 2, 3)
        if descending:
            ids = ids[::-1]
        for limit, length in ((1, 1), (2, 5), (3, 5), (4, 5), (5, 5), (6, 6)):
            found = search(descending=descending, limit=limit)
            assert list(found.ids) == ids[:length]
            assert found.total == 6

    def test_not_with_an_offset_nor_after_a_cursor_with_an_id(self, session: Session, search: Any) -> None:
        ids = make(session, make_user(session), 1, 2, 2, 2)
        assert list(search(offset=1, limit=1).ids) == ids[1:2]
        assert list(search(after=Cursor(at(1), ids[0]), limit=1).ids) == ids[1:2]
        assert list(search(after=Cursor(at(1)), limit=1).ids) == ids[1:]

    def test_not_in_the_order_of_groups(self, session: Session, search: Any) -> None:
        make(session, make_user(session), 1, 2, 2, 2)
        assert len(search(sort=SortKey.GROUP, limit=2).ids) == 2

    def test_offset_and_limit(self, session: Session, search: Any) -> None:
        ids = make(session, make_user(session), *range(6))
        for offset, limit in ((0, 2), (2, 2), (4, 2), (5, 2), (6, 2), (9, 2), (0, 0), (3, 0)):
            found = search(offset=offset, limit=limit)
            assert list(found.ids) == ids[offset : offset + limit]
            assert found.total == 6


class TestVisibility:
    def test_each_reader_finds_what_he_may_read(self, session: Session, search: Any) -> None:
        author, member, moderator, banned = (make_user(session) for _ in range(4))
        banned.nipsa = True
        group = make_group(session)
        for user, role in ((author, Role.MEMBER), (member, Role.MEMBER), (moderator, Role.MODERATOR)):
            add_member(session, group=group, user=user, role=role)
        world = make_world_group(session)
        made = {
            "public": make_annotation(session, user=author, group=world),
            "private": make_annotation(session, user=author, group=world, shared=False),
            "deleted": make_annotation(session, user=author, group=world, deleted=True),
            "banned": make_annotation(session, user=banned, group=world),
            "group": make_annotation(session, user=author, group=group),
            "denied": make_annotation(
                session, user=author, group=group, moderation_status=ModerationStatus.DENIED.value
            ),
            "approved": make_annotation(
                session, user=author, group=group, moderation_status=ModerationStatus.APPROVED.value
            ),
        }
        names = {annotation.id: name for name, annotation in made.items()}
        expected = {
            None: ["public"],
            author.id: ["public", "private", "group", "denied", "approved"],
            member.id: ["public", "group", "approved"],
            moderator.id: ["public", "group", "denied", "approved"],
            banned.id: ["public", "banned"],
        }
        # The statements are kept between these, so nobody may see what another was shown.
        for user_id, seen in [*expected.items(), *reversed(expected.items())]:
            principal = principal_of_user(session, user_id) if user_id else ANONYMOUS
            found = search(principal=principal)
            assert [names[hit] for hit in found.ids] == seen
            assert found.total == len(seen)
            assert search(principal=principal, limit=0).total == len(seen)


class TestStatements:
    def run(self, session: Session, query: SearchQuery, principal: Principal = ANONYMOUS) -> tuple[int, int, int]:
        """Return the numbers of rows and statements, and the total."""
        connection = session.connection()
        statements = []
        event.listen(connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        page = fetch_page(connection, query, principal=principal, selection=ROWS)
        return len(page.rows), len(statements), page.total

    @pytest.mark.parametrize("number", [0, 1, 50])
    def test_a_page_of_few_or_many_rows_takes_two(self, session: Session, number: int) -> None:
        user = make_user(session)
        make(session, user, *range(number))
        for principal in (ANONYMOUS, principal_of_user(session, user.id)):
            rows, statements, total = self.run(session, SearchQuery(uris=PAGE, limit=50), principal)
            assert (rows, statements, total) == (number, 2, number)

    def test_one_more_when_there_are_further_pages(self, session: Session) -> None:
        make(session, make_user(session), *range(20))
        assert self.run(session, SearchQuery(uris=PAGE, limit=5)) == (5, 3, 20)

    def test_and_one_for_a_run_of_equal_dates(self, session: Session) -> None:
        make(session, make_user(session), *[1] * 20)
        assert self.run(session, SearchQuery(uris=PAGE, limit=5)) == (20, 4, 20)

    def test_a_total_alone_takes_two(self, session: Session) -> None:
        make(session, make_user(session), *range(3))
        assert self.run(session, SearchQuery(uris=PAGE, limit=0)) == (0, 2, 3)
        assert count(session.connection(), SearchQuery(uris=PAGE), principal=ANONYMOUS) == 3
        assert count(session.connection(), SearchQuery(uris=PAGE, unmatchable=True), principal=ANONYMOUS) == 0

    def test_what_cannot_match_takes_none_or_one(self, session: Session) -> None:
        assert self.run(session, SearchQuery(uris=PAGE, unmatchable=True)) == (0, 0, 0)
        assert self.run(session, SearchQuery(uris=PAGE, groups=("nowhere",))) == (0, 1, 0)


class TestAnUnreachableDatabase:
    def test_search_is_unavailable(self) -> None:
        database = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
        with pytest.raises(SearchUnavailableError):
            PostgreSQLBackend(database).search(SearchQuery(), principal=ANONYMOUS)
        database.close()
