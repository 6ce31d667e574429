"""Changes of members that come at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hcommon.auth import principal_of_user
from hcommon.db.engine import Database
from hcommon.models import GroupMembership
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_group, make_user, make_world_group
from hweb.groups import members
from hweb.groups.members import MembershipNotFoundError
from sqlalchemy import select, text

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def wait_for_a_lock(database: Database) -> None:
    deadline = time.monotonic() + 30
    with database.read() as connection:
        while not connection.execute(WAITING).scalar_one():
            assert time.monotonic() < deadline


class TestAtOnce:
    @pytest.mark.parametrize(
        "act",
        [
            lambda session, who, **values: members.remove(session, principal=who, **values),
            lambda session, who, **values: members.change_role(session, principal=who, role=Role.MEMBER, **values),
            lambda session, who, group_id, **_: members.lock_as_owner(session, principal=who, group_id=group_id),
        ],
        ids=["remove", "demote", "delete the group"],
    )
    def test_whoever_was_demoted_meanwhile_does_nothing_as_an_owner(
        self, fresh_database: Database, act: Callable[..., None]
    ) -> None:
        with fresh_database.transaction() as session:
            make_world_group(session)
            group, ann, bob = make_group(session), make_user(session, username="ann"), make_user(session)
            for user in (ann, bob):
                add_member(session, group=group, user=user, role=Role.OWNER)
            group_id, ann_id, bob_id, bobs = group.id, ann.id, bob.id, f"acct:{bob.username}@{bob.authority}"

        with fresh_database.transaction() as his:
            who = principal_of_user(his, bob_id)
            with fresh_database.transaction() as hers:
                values = {"group_id": group_id, "userid": bobs, "role": Role.MEMBER, "now": START}
                members.change_role(hers, principal=principal_of_user(hers, ann_id), **values)
            with pytest.raises(MembershipNotFoundError):
                act(his, who, group_id=group_id, userid="acct:ann@example.org", now=START)
        with fresh_database.read() as connection:
            found = connection.execute(select(GroupMembership.user_id, GroupMembership.role))
            assert {row.user_id: row.role for row in found} == {ann_id: "owner", bob_id: "member"}

    def test_two_owners_who_leave_leave_an_owner(self, fresh_database: Database) -> None:
        with fresh_database.transaction() as session:
            make_world_group(session)
            group, users = make_group(session), [make_user(session) for _ in range(3)]
            for user, role in zip(users, (Role.OWNER, Role.OWNER, Role.MEMBER), strict=True):
                add_member(session, group=group, user=user, role=role)
            group_id, (ann, bob, member) = group.id, [user.id for user in users]

        def leave(user_id: int) -> None:
            with fresh_database.transaction() as session:
                assert members.delete(session, group_id=group_id, user_id=user_id, now=START)

        with ThreadPoolExecutor(1) as pool:
            with fresh_database.transaction() as session:
                members.delete(session, group_id=group_id, user_id=ann, now=START)
                left = pool.submit(leave, bob)
                wait_for_a_lock(fresh_database)
            left.result(timeout=30)
        with fresh_database.read() as connection:
            found = connection.execute(select(GroupMembership.user_id, GroupMembership.role))
            assert [tuple(row) for row in found] == [(member, "owner")]
