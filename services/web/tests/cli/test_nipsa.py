"""`h user nipsa`."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.db.engine import Database
from hcommon.events.moderation import ShadowBanChanged
from hcommon.models import User
from hcommon.testing.factories import make_user, recorded_events
from sqlalchemy import select

H = Callable[..., Any]


@pytest.fixture(autouse=True)
def alice(database: Database) -> int:
    """A user, and another authority's."""
    with database.transaction() as session:
        make_user(session, username="bob", authority="lms.example")
        return make_user(session, username="Al.ice").id


def banned(database: Database) -> set[str]:
    with database.transaction() as session:
        return set(session.scalars(select(User.username).where(User.nipsa)))


class TestAddAndRemove:
    def test_a_ban_is_kept_and_told(self, h: H, database: Database, alice: int) -> None:
        done = h("user", "nipsa", "add", "alice")
        assert (done.exit_code, done.output) == (0, "alice is shadow-banned.\n")
        assert banned(database) == {"Al.ice"}
        with database.transaction() as session:
            [event] = recorded_events(session)
        assert isinstance(event, ShadowBanChanged)
        assert (event.user_id, event.after_id) == (alice, None)

    def test_it_ends(self, h: H, database: Database) -> None:
        h("user", "nipsa", "add", "alice")
        assert h("user", "nipsa", "remove", "alice").output == "alice is not shadow-banned any more.\n"
        assert banned(database) == set()
        with database.transaction() as session:
            assert len(recorded_events(session)) == 2

    def test_again_changes_nothing(self, h: H, database: Database) -> None:
        assert h("user", "nipsa", "remove", "alice").output == "alice was not shadow-banned.\n"
        h("user", "nipsa", "add", "alice")
        assert h("user", "nipsa", "add", "alice").output == "alice was shadow-banned already.\n"
        with database.transaction() as session:
            assert len(recorded_events(session)) == 1

    def test_users_of_other_authorities_go_by_their_userid(self, h: H, database: Database) -> None:
        assert h("user", "nipsa", "add", "acct:bob@lms.example").exit_code == 0
        assert banned(database) == {"bob"}

    @pytest.mark.parametrize("name", ["nobody", "bob", "acct:alice@lms.example"])
    def test_nobody_of_that_name_is_an_error(self, h: H, database: Database, name: str) -> None:
        done = h("user", "nipsa", "add", name)
        assert (done.exit_code, done.output) == (1, f"Error: There is no account named {name}.\n")


class TestList:
    def test_names_who_is_banned(self, h: H) -> None:
        assert h("user", "nipsa", "list").output == ""
        for name in ("alice", "acct:bob@lms.example"):
            h("user", "nipsa", "add", name)
        assert h("user", "nipsa", "list").output == "acct:Al.ice@example.org\nacct:bob@lms.example\n"
