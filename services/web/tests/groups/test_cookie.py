"""The site's own pages ask some routes of the API with the session's cookie and a form's token."""

import re
from collections.abc import Callable

import pytest
from hcommon.models import Group, User
from hcommon.models.group import Role
from hcommon.testing.factories import add_member, make_group, make_user
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, username="maria")


@pytest.fixture
def group(session: Session, user: User) -> Group:
    group = make_group(session)
    add_member(session, group=group, user=user, role=Role.OWNER)
    return group


@pytest.fixture
def csrf(client: TestClient, user: User, sign_in: Callable[[int], None]) -> dict[str, str]:
    """Sign the user in and return the header that a page of theirs sends."""
    sign_in(user.id)
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/groups/new").text)
    assert token
    return {"X-CSRF-Token": token[1]}


class TestCookie:
    def test_it_counts_where_the_specification_says_so(
        self, client: TestClient, group: Group, csrf: dict[str, str]
    ) -> None:
        path = f"/api/groups/{group.pubid}"
        assert client.post("/api/groups", json={"name": "Another"}, headers=csrf).status_code == 200
        assert client.patch(path, json={"name": "Renamed"}, headers=csrf).json()["name"] == "Renamed"
        assert len(client.get(f"{path}/members", headers=csrf).json()) == 1
        moderator = client.patch(f"{path}/members/me", json={"roles": ["moderator"]}, headers=csrf)
        assert moderator.json()["roles"] == ["moderator"]
        assert client.delete(f"{path}/members/me", headers=csrf).status_code == 204

    def test_it_counts_for_nothing_elsewhere(self, client: TestClient, group: Group, csrf: dict[str, str]) -> None:
        assert client.get(f"/api/groups/{group.pubid}", headers=csrf).status_code == 404
        assert client.get(f"/api/groups/{group.pubid}/members/me", headers=csrf).status_code == 404

    def test_without_the_token_it_counts_for_nothing(
        self, client: TestClient, group: Group, csrf: dict[str, str]
    ) -> None:
        assert client.get(f"/api/groups/{group.pubid}/members").status_code == 404
        assert client.delete(f"/api/groups/{group.pubid}/members/me").status_code == 404

    def test_a_token_of_another_session_is_refused(
        self,
        client: TestClient,
        session: Session,
        group: Group,
        *,
        csrf: dict[str, str],
        sign_in: Callable[[int], None],
    ) -> None:
        sign_in(make_user(session).id)
        answer = client.patch(f"/api/groups/{group.pubid}", json={}, headers=csrf)
        assert (answer.status_code, answer.json()["status"]) == (400, "failure")

    def test_a_bearer_token_comes_first(
        self,
        client: TestClient,
        session: Session,
        group: Group,
        *,
        csrf: dict[str, str],
        token: Callable[[User], dict[str, str]],
    ) -> None:
        stranger = make_user(session)
        assert client.get(f"/api/groups/{group.pubid}/members", headers=csrf | token(stranger)).status_code == 404
        dead = csrf | {"Authorization": "Bearer dead"}
        assert client.get(f"/api/groups/{group.pubid}/members", headers=dead).status_code == 200
