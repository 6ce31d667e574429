"""`h group`."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.db.engine import Database
from hcommon.events.groups import MembershipChanged, MembershipCreated, MembershipDeleted
from hcommon.models import Group, GroupMembership, User
from hcommon.testing.factories import make_group, make_user, make_world_group, recorded_events
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


class TestCreate:
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
        done = h("group", "create", "Readers", "--owner", "alice", "--type", group_type)
        assert done.exit_code == 0, done.output
        with database.read() as connection:
            row = connection.execute(
                select(Group.pubid, Group.joinable_by, Group.readable_by, Group.writeable_by)
            ).one()
        assert tuple(row) == (done.stdout.strip(), *access)
        assert members(database) == {"alice": "owner"}

    @pytest.mark.parametrize("name", ["ab", "x" * 26, " spaced "])
    def test_refuses_a_name_that_clients_could_not_show(self, h: Callable[..., Any], name: str) -> None:
        done = h("group", "create", name, "--owner", "alice")
        assert done.exit_code == 1
        assert "3 to 25 characters" in done.output


class TestJoin:
    def test_adds_somebody_and_changes_the_role(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        assert h("group", "join", pubid, "bob").exit_code == 0
        assert members(database) == {"alice": "owner", "bob": "member"}
        assert h("group", "join", pubid, "bob", "--role", "moderator").exit_code == 0
        assert members(database) == {"alice": "owner", "bob": "moderator"}

    def test_says_that_there_is_no_such_group(self, h: Callable[..., Any]) -> None:
        done = h("group", "join", "nothing", "bob")
        assert done.exit_code == 1
        assert "There is no group nothing." in done.output

    def test_says_that_there_is_no_such_user(self, h: Callable[..., Any]) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        for command in ("join", "leave"):
            done = h("group", command, pubid, "nobody")
            assert (done.exit_code, "There is no account named nobody." in done.output) == (1, True)

    def test_takes_users_of_other_authorities_by_their_userid(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            make_user(session, username="al", authority="lms.example")
            make_group(session, authority="lms.example", authority_provided_id="c-1")
        assert h("group", "join", "group:c-1@lms.example", "acct:al@lms.example").exit_code == 0
        assert members(database) == {"al": "member"}


class TestOwners:
    @pytest.fixture(autouse=True)
    def _site(self, database: Database) -> None:
        with database.transaction() as session:
            make_world_group(session)

    def test_are_followed_by_the_next_in_line(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        refused = h("group", "join", pubid, "alice", "--role", "admin")
        assert (refused.exit_code, "A group needs an owner" in refused.output) == (1, True)
        h("group", "join", pubid, "bob")
        assert h("group", "join", pubid, "alice", "--role", "admin").exit_code == 0
        assert members(database) == {"alice": "admin", "bob": "owner"}
        assert h("group", "leave", pubid, "bob").exit_code == 0
        assert members(database) == {"alice": "owner"}

    def test_groups_without_one_are_listed_until_they_get_one(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        h("group", "create", "Writers", "--owner", "bob")
        with database.transaction() as session:
            make_group(session, name="Course", authority="lms.example")
        assert len(h("group", "list", "--ownerless").output.splitlines()) == 1
        assert h("group", "leave", pubid, "alice").exit_code == 0
        listed = h("group", "list", "--ownerless").output
        assert ("Readers" in listed, len(listed.splitlines())) == (True, 2)
        assert h("group", "join", pubid, "bob", "--role", "owner").exit_code == 0
        assert "Readers" not in h("group", "list", "--ownerless").output


class TestLeave:
    def test_ends_a_membership_once(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        assert h("group", "leave", pubid, "Al.ice").exit_code == 0
        assert members(database) == {}
        again = h("group", "leave", pubid, "alice")
        assert (again.exit_code, "is no member" in again.output) == (1, True)

    def test_and_all_of_it_is_told(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        h("group", "join", pubid, "alice", "--role", "member")
        h("group", "leave", pubid, "alice")
        with database.transaction() as session:
            told = [type(event) for event in recorded_events(session)]
        assert told == [MembershipCreated, MembershipChanged, MembershipDeleted]


class TestList:
    def test_shows_groups_with_their_members(self, h: Callable[..., Any]) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice", "--type", "open").stdout.strip()
        h("group", "create", "Writers", "--owner", "bob")
        h("group", "join", pubid, "bob", "--role", "admin")
        shown = h("group", "list", "READ").output
        assert all(word in shown for word in (pubid, "Readers", "open", "example.org", "2"))
        assert "Writers" not in shown
        people = h("group", "members", pubid).output
        assert [line.split()[:2] for line in people.splitlines()[1:]] == [
            ["acct:alice@example.org", "owner"],
            ["acct:bob@example.org", "admin"],
        ]


class TestEdit:
    def test_changes_what_is_named(self, h: Callable[..., Any], database: Database) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice", "--pre-moderated").stdout.strip()
        done = h("group", "edit", pubid, "--name", "Writers", "--type", "open", "--description", "Us")
        assert done.exit_code == 0, done.output
        with database.read() as connection:
            columns = (Group.name, Group.readable_by, Group.description, Group.pre_moderated)
            assert tuple(connection.execute(select(*columns)).one()) == ("Writers", "world", "Us", True)
        assert h("group", "edit", pubid, "--not-pre-moderated").exit_code == 0
        assert h("group", "edit", pubid, "--name", "x").exit_code == 1

    def test_says_from_whom_its_moderators_mails_come(self, h: Callable[..., Any], database: Database) -> None:
        def stored() -> tuple[str | None, ...]:
            with database.read() as connection:
                return tuple(connection.execute(select(Group.reply_to, Group.email_from_name)).one())

        pubid = h("group", "create", "Readers", "--owner", "alice").stdout.strip()
        done = h("group", "edit", pubid, "--reply-to", "us@example.org", "--email-from-name", "The Readers")
        assert done.exit_code == 0, done.output
        assert stored() == ("us@example.org", "The Readers")
        assert h("group", "edit", pubid, "--reply-to", "").exit_code == 0
        assert stored() == (None, "The Readers")
        for wrong in (("--reply-to", "us"), ("--email-from-name", "a\nb"), ("--email-from-name", "x" * 101)):
            assert h("group", "edit", pubid, *wrong).exit_code == 1
        assert stored() == (None, "The Readers")


class TestScopes:
    def test_are_set_shown_and_taken_away(self, h: Callable[..., Any]) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice", "--scope", "https://A.example/x/").stdout.strip()
        assert h("group", "scopes", pubid).output == "https://a.example/x\n"
        changed = h("group", "scopes", pubid, "https://b.example", "https://B.example:443/", "--not-enforced")
        assert changed.output == "https://b.example (not enforced)\n"
        assert h("group", "scopes", pubid, "--clear").output == ""

    def test_are_addresses_of_the_web(self, h: Callable[..., Any]) -> None:
        pubid = h("group", "create", "Readers", "--owner", "alice", "--scope", "https://a.example").stdout.strip()
        assert h("group", "scopes", pubid, "ftp://a.example").exit_code == 1
        assert h("group", "scopes", pubid).output == "https://a.example\n"
