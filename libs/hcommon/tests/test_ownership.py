"""Who owns a group next, also when two owners go at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hcommon import ownership
from hcommon.db.engine import Database
from hcommon.models import Group, GroupMembership, User
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, make_world_group
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture
def group(session: Session) -> Group:
    make_world_group(session)
    return make_group(session)


def following(session: Session, group: Group, *, without: User) -> int | None:
    row = ownership.next_owner(session, group_id=group.id, user_id=without.id)
    return row["user_id"] if row is not None else None


class TestNextOwner:
    def test_goes_by_role_then_by_when_they_joined_then_by_whose_membership_is_older(
        self, session: Session, group: Group
    ) -> None:
        owner = make_user(session)
        add_member(session, group=group, user=owner, role=Role.OWNER)
        line = []
        for role, days in [(Role.ADMIN, 2), (Role.ADMIN, 1), (Role.ADMIN, 1), (Role.MODERATOR, 3), (Role.MEMBER, 4)]:
            user = make_user(session)
            add_member(session, group=group, user=user, role=role).created = START - timedelta(days=days)
            line.append(user)
        session.flush()
        for user in line:
            assert following(session, group, without=owner) == user.id
            session.execute(delete(GroupMembership).where(GroupMembership.user_id == user.id))
        assert following(session, group, without=owner) is None

    def test_shadow_banned_users_come_last_and_deleted_ones_never(self, session: Session, group: Group) -> None:
        owner, gone, banned, member = (
            make_user(session),
            make_user(session, deleted=True),
            make_user(session, nipsa=True),
            make_user(session),
        )
        for user, role in ((owner, Role.OWNER), (gone, Role.OWNER), (banned, Role.ADMIN), (member, Role.MEMBER)):
            add_member(session, group=group, user=user, role=role)
        assert following(session, group, without=owner) == member.id
        session.execute(delete(GroupMembership).where(GroupMembership.user_id == member.id))
        assert following(session, group, without=owner) == banned.id
        session.execute(delete(GroupMembership).where(GroupMembership.user_id == banned.id))
        assert following(session, group, without=owner) is None

    def test_an_owner_stays_one_whoever_else_is_there(self, session: Session, group: Group) -> None:
        owner, banned, admin = make_user(session), make_user(session, nipsa=True), make_user(session)
        for user, role in ((owner, Role.OWNER), (banned, Role.OWNER), (admin, Role.ADMIN)):
            add_member(session, group=group, user=user, role=role)
        assert following(session, group, without=owner) == banned.id


@pytest.fixture
def make(fresh_database: Database) -> Callable[..., tuple[int, list[int]]]:
    """Make a group with members of these roles, and return its key and theirs."""

    def make(*roles: Role) -> tuple[int, list[int]]:
        with fresh_database.transaction() as session:
            make_world_group(session)
            group = make_group(session)
            users = [make_user(session) for _ in roles]
            for user, role in zip(users, roles, strict=True):
                add_member(session, group=group, user=user, role=role)
            return group.id, [user.id for user in users]

    return make


def leave(session: Session, group_id: int, user_id: int) -> None:
    ownership.lock(session, group_id=group_id)
    go(session, group_id, user_id)
    ownership.pass_on(session, group_id=group_id, user_id=user_id, now=START)


def go(session: Session, group_id: int, user_id: int) -> None:
    mine = (GroupMembership.group_id == group_id, GroupMembership.user_id == user_id)
    session.execute(delete(GroupMembership).where(*mine))


def roles(database: Database) -> dict[int, str]:
    with database.read() as connection:
        return {
            row.user_id: row.role for row in connection.execute(select(GroupMembership.user_id, GroupMembership.role))
        }


def wait_for(database: Database) -> None:
    deadline = time.monotonic() + 30
    with database.read() as connection:
        while not connection.execute(WAITING).scalar_one():
            assert time.monotonic() < deadline


class TestAtOnce:
    def test_two_owners_who_leave_leave_an_owner(
        self, fresh_database: Database, make: Callable[..., tuple[int, list[int]]]
    ) -> None:
        group_id, (ann, bob, member) = make(Role.OWNER, Role.OWNER, Role.MEMBER)

        def second() -> None:
            with fresh_database.transaction() as session:
                leave(session, group_id, bob)

        with ThreadPoolExecutor(1) as pool:
            with fresh_database.transaction() as session:
                ownership.lock(session, group_id=group_id)
                go(session, group_id, ann)
                left = pool.submit(second)
                wait_for(fresh_database)
                ownership.pass_on(session, group_id=group_id, user_id=ann, now=START)
            left.result(timeout=30)
        assert roles(fresh_database) == {member: "owner"}

    def test_an_heir_who_leaves_at_that_moment_is_passed_over(
        self, fresh_database: Database, make: Callable[..., tuple[int, list[int]]]
    ) -> None:
        group_id, (owner, admin, member) = make(Role.OWNER, Role.ADMIN, Role.MEMBER)

        def last_owner() -> None:
            with fresh_database.transaction() as session:
                leave(session, group_id, owner)

        with ThreadPoolExecutor(1) as pool:
            with fresh_database.transaction() as session:  # as a deleted account's memberships go, without the lock
                go(session, group_id, admin)
                left = pool.submit(last_owner)
                wait_for(fresh_database)
            left.result(timeout=30)
        assert roles(fresh_database) == {member: "owner"}

    def test_nobody_who_writes_there_waits(
        self, fresh_database: Database, make: Callable[..., tuple[int, list[int]]]
    ) -> None:
        group_id, (owner, member) = make(Role.OWNER, Role.MEMBER)
        with fresh_database.transaction() as session, fresh_database.transaction() as writing:
            leave(session, group_id, owner)
            writing.execute(text("SET LOCAL lock_timeout = '1s'"))
            user, group = writing.get_one(User, member), writing.get_one(Group, group_id)
            make_annotation(writing, user=user, group=group)
