"""`h group`."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.db.engine import Database
from hcommon.models import Group, GroupMembership, User
from hcommon.testing.factories import make_user
from sqlalchemy import select


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    with database.transaction() as session:
        make_user(session, username="alice")
        make_user(session, username="bob")


def members(database: Database) -> dict[str, str]:
    with database.read() as connection:
        found = connection.execute(
            select(User.username, GroupMembership.role).join(GroupMembership, GroupMembership.user_id == User.id)
        )
        return {row.username: row.role for row in found}


class TestAdd:
    @pytest.mark.parametrize(
        ("group_type", "access"),
        [
            ("private", ("authority", "members", "members")),
            ("restricted", ("nobody", "world", "members")),
            ("open", ("nobody", "world", "authority")),
        ],
    )
    def test_makes_a_group_of_each_type_with_its_owner(
        self, h: Callable[..., Any], database: Database, group_type: str, access: tuple[str, ...]
    ) -> None:
        done = h("group", "add", "Readers", "--owner", "alice", "--type", group_type)
        assert done.exit_code == 0, done.output
        with database.read() as connection:
            row = connection.execute(
                select(Group.pubid, Group.joinable_by, Group.readable_by, Group.writeable_by)
            ).one()
        assert tuple(row) == (done.stdout.strip(), *access)
        assert members(database) == {"alice": "owner"}

    @pytest.mark.parametrize("name", ["ab", "x" * 26, " spaced "])
    def test_refuses_a_name_that_clients_could_not_show(self, h: Callable[..., Any], name: str) -> None:
        done = h("group", "add", name, "--owner", "alice")
        assert done.exit_code == 1
        assert "3 to 25 characters" in done.output


class TestMember:
    def test_adds_somebody_and_changes_the_role(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "add", "Readers", "--owner", "alice").stdout.strip()
        assert h("group", "member", pubid, "bob").exit_code == 0
        assert members(database) == {"alice": "owner", "bob": "member"}
        assert h("group", "member", pubid, "bob", "--role", "moderator").exit_code == 0
        assert members(database) == {"alice": "owner", "bob": "moderator"}

    def test_says_that_there_is_no_such_group(self, h: Callable[..., Any]) -> None:
        done = h("group", "member", "nothing", "bob")
        assert done.exit_code == 1
        assert "There is no group nothing." in done.output
