"""The page of a group's members."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.models import Group, GroupMembership, User
from hcommon.models.group import Role
from hcommon.testing.factories import add_member, make_group, make_user
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Submit = Callable[..., Any]
SignIn = Callable[[int], None]


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, username="maria")


@pytest.fixture
def group(session: Session, user: User) -> Group:
    group = make_group(session, name="Book club")
    add_member(session, group=group, user=user, role=Role.ADMIN)
    return group


@pytest.fixture
def bob(session: Session, group: Group) -> User:
    bob = make_user(session, username="bob", display_name="Bob B.")
    add_member(session, group=group, user=bob)
    return bob


def path(group: Group) -> str:
    return f"/groups/{group.pubid}/edit/members"


def roles(session: Session) -> dict[int, str]:
    return {row.user_id: row.role for row in session.execute(select(GroupMembership.user_id, GroupMembership.role))}


class TestShow:
    def test_an_admin_sees_what_may_be_done_to_whom(
        self, client: TestClient, session: Session, group: Group, bob: User, *, user: User, sign_in: SignIn
    ) -> None:
        add_member(session, group=group, user=make_user(session, username="olga"), role=Role.OWNER)
        sign_in(user.id)
        shown = client.get(path(group)).text
        assert "3 members" in shown
        assert "bob (Bob B.)" in shown
        assert "Remove bob" in shown
        assert "Role of bob" in shown
        assert "Remove olga" not in shown
        assert "Role of olga" not in shown

    def test_a_long_list_has_pages(
        self, client: TestClient, session: Session, group: Group, *, user: User, sign_in: SignIn
    ) -> None:
        for number in range(50):
            add_member(session, group=group, user=make_user(session, username=f"zz{number:02}"))
        sign_in(user.id)
        first, second = client.get(path(group)).text, client.get(f"{path(group)}?page=2").text
        assert "Page 1 of 2" in first
        assert "Later members" in first
        assert ("zz48" in first, "zz49" in first, "zz49" in second) == (True, False, True)
        assert "Earlier members" in second
        assert client.get(f"{path(group)}?page=9999999999999").status_code == 200
        assert client.get(f"{path(group)}?page=-1").status_code == 200

    def test_for_others_there_is_no_such_page(
        self, client: TestClient, group: Group, bob: User, *, sign_in: SignIn
    ) -> None:
        sign_in(bob.id)
        assert client.get(path(group)).status_code == 404
        assert client.get("/groups/nothing1/edit/members").status_code == 404


class TestChange:
    def test_an_admin_makes_a_moderator_and_removes_one(
        self, session: Session, group: Group, bob: User, *, user: User, sign_in: SignIn, submit: Submit
    ) -> None:
        sign_in(user.id)
        values = {"userid": "acct:bob@example.org"}
        answer = submit(path(group), {**values, "role": "moderator"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path(group)}?page=1")
        assert roles(session) == {user.id: "admin", bob.id: "moderator"}
        assert submit(path(group), {**values, "remove": "1"}).status_code == 303
        assert roles(session) == {user.id: "admin"}

    def test_whoever_changes_or_removes_oneself_is_led_to_the_group(
        self, session: Session, group: Group, user: User, *, sign_in: SignIn, submit: Submit
    ) -> None:
        sign_in(user.id)
        values = {"userid": "acct:maria@example.org"}
        for more in ({"role": "moderator"}, {"remove": "1"}):
            answer = submit(path(group), values | more)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/groups/{group.pubid}")
        assert roles(session) == {}

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"userid": "acct:bob@example.org", "role": "owner"}, 404),
            ({"userid": "acct:bob@example.org", "role": "king"}, 400),
            ({"userid": "acct:bob@example.org"}, 400),
            ({"userid": "acct:nobody@example.org", "remove": "1"}, 404),
            ({"remove": "1"}, 404),
        ],
    )
    def test_what_may_not_be_is_not_done(
        self,
        session: Session,
        group: Group,
        bob: User,
        *,
        user: User,
        sign_in: SignIn,
        submit: Submit,
        fields: dict[str, str],
        status: int,
    ) -> None:
        sign_in(user.id)
        assert submit(path(group), fields).status_code == status
        assert roles(session) == {user.id: "admin", bob.id: "member"}
