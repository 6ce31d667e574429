"""Applications make, read and change the users of their authority."""

from typing import Any

import pytest
from hcommon.models import User, UserIdentity
from hcommon.testing.factories import make_access_token, make_user
from hweb.resources import Resources
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

AL = {"authority": "lms.test", "username": "al.ice", "email": "al@school.test", "display_name": "Al"}
IDENTITY = {"provider": "canvas", "provider_unique_id": "7"}


@pytest.fixture
def lms(basic_auth: Any) -> dict[str, str]:
    headers: dict[str, str] = basic_auth("lms.test")
    return headers


class TestCreate:
    def test_answers_with_the_user(self, client: TestClient, lms: dict[str, str]) -> None:
        response = client.post("/api/users", json=AL, headers=lms)
        assert response.status_code == 200
        assert response.json() == AL | {"userid": "acct:al.ice@lms.test"}

    def test_makes_an_active_account_without_a_password(
        self, client: TestClient, lms: dict[str, str], session: Session, resources: Resources
    ) -> None:
        client.post("/api/users", json=AL | {"identities": [IDENTITY, IDENTITY]}, headers=lms)
        user = session.scalars(select(User).where(User.authority == "lms.test")).one()
        assert (user.password_hash, user.activated_at) == (None, resources.clock.now())
        identity = session.scalars(select(UserIdentity)).one()
        assert (identity.user_id, identity.provider, identity.provider_unique_id) == (user.id, "canvas", "7")

    def test_identities_stand_for_an_address(self, client: TestClient, lms: dict[str, str]) -> None:
        body = {"authority": "lms.test", "username": "bob", "identities": [IDENTITY]}
        answer = client.post("/api/users", json=body, headers=lms).json()
        assert (answer["email"], answer["display_name"]) == (None, None)

    def test_ignores_what_it_does_not_know(self, client: TestClient, lms: dict[str, str]) -> None:
        assert client.post("/api/users", json=AL | {"admin": True}, headers=lms).status_code == 200

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"authority": None}, "authority: must be a string"),
            ({"authority": "lms test"}, "authority: must be a host name"),
            ({"authority": "other.test"}, "authority: does not match that of the application"),
            ({"username": "al"}, "username: Use 3 to 30"),
            ({"username": ".alice"}, "username: Use 3 to 30"),
            ({"username": "a" * 31}, "username: Use 3 to 30"),
            ({"email": "nobody"}, "email: Must be"),
            ({"email": "a" * 100 + "@x.test"}, "email: Must be"),
            ({"email": None}, "email: must be a string"),
            ({"display_name": "x" * 31}, "display_name: must not be longer than 30"),
            ({"display_name": "x\0"}, "display_name: must not contain a NUL"),
            ({"identities": []}, "identities: must have an item"),
            ({"identities": "x"}, "identities: must be an array"),
            ({"identities": ["x"]}, "identities.0: must be an object"),
            ({"identities": [{"provider": "x"}]}, "identities.0.provider_unique_id: is required"),
            ({"identities": [IDENTITY | {"provider": ""}]}, "identities.0.provider: must not be empty"),
            (
                {"identities": [IDENTITY | {"provider_unique_id": 7}]},
                "identities.0.provider_unique_id: must be a string",
            ),
            ({"identities": [IDENTITY | {"provider": "x" * 256}]}, "identities.0.provider: must not be longer"),
        ],
    )
    def test_refuses_what_cannot_be(
        self, client: TestClient, lms: dict[str, str], change: dict[str, Any], reason: str
    ) -> None:
        response = client.post("/api/users", json=AL | change, headers=lms)
        assert response.status_code == 400
        assert response.json()["reason"].startswith(reason)

    def test_says_all_that_is_missing(self, client: TestClient, lms: dict[str, str]) -> None:
        reason = client.post("/api/users", json={}, headers=lms).json()["reason"]
        assert reason == "authority: is required, username: is required, email: is required without identities"

    def test_names_everything_that_another_user_has(
        self, client: TestClient, lms: dict[str, str], session: Session
    ) -> None:
        make_user(session, username="AlIce", authority="lms.test", email="x@school.test", deleted=True)
        make_user(session, username="bob", authority="lms.test", email="AL@school.test")
        client.post(
            "/api/users",
            json={"authority": "lms.test", "username": "carol", "identities": [IDENTITY]},
            headers=lms,
        )
        response = client.post("/api/users", json=AL | {"identities": [IDENTITY]}, headers=lms)
        assert response.status_code == 409
        assert response.json()["reason"] == (
            "user with username al.ice already exists, user with email address al@school.test already exists, "
            "user with provider canvas and unique id 7 already exists"
        )

    def test_an_identity_that_is_taken_leaves_no_user_behind(
        self, client: TestClient, lms: dict[str, str], session: Session
    ) -> None:
        for username, status in (("carol", 200), ("dave", 409)):
            body = {"authority": "lms.test", "username": username, "identities": [IDENTITY]}
            assert client.post("/api/users", json=body, headers=lms).status_code == status
        assert session.scalars(select(User.username)).all() == ["carol"]

    def test_another_authority_s_users_are_in_nobody_s_way(
        self, client: TestClient, lms: dict[str, str], basic_auth: Any
    ) -> None:
        body = AL | {"identities": [IDENTITY]}
        assert client.post("/api/users", json=body, headers=lms).status_code == 200
        other = basic_auth("other.test")
        assert client.post("/api/users", json=body | {"authority": "other.test"}, headers=other).status_code == 200

    def test_is_for_applications_alone(self, client: TestClient, session: Session, basic_auth: Any) -> None:
        token = make_access_token(session, user=make_user(session, authority="lms.test"))
        for headers in ({}, {"Authorization": f"Bearer {token}"}, basic_auth("lms.test", grant_type="jwt_bearer")):
            assert client.post("/api/users", json=AL, headers=headers).status_code == 404


class TestRead:
    def test_answers_with_the_user(self, client: TestClient, lms: dict[str, str], session: Session) -> None:
        make_user(session, username="Al.Ice", authority="lms.test", email="al@school.test")
        assert client.get("/api/users/acct:alice@lms.test", headers=lms).json() == {
            "authority": "lms.test",
            "userid": "acct:Al.Ice@lms.test",
            "username": "Al.Ice",
            "display_name": None,
            "email": "al@school.test",
        }

    @pytest.mark.parametrize("userid", ["acct:nobody@lms.test", "acct:bob@example.org", "acct:gone@lms.test"])
    def test_knows_no_others(self, client: TestClient, lms: dict[str, str], session: Session, userid: str) -> None:
        make_user(session, username="bob")
        make_user(session, username="gone", authority="lms.test", deleted=True)
        assert client.get(f"/api/users/{userid}", headers=lms).status_code == 404

    def test_wants_a_whole_userid(self, client: TestClient, lms: dict[str, str]) -> None:
        assert client.get("/api/users/alice", headers=lms).status_code == 400

    def test_is_for_applications_alone(self, client: TestClient, session: Session) -> None:
        make_user(session, username="alice")
        assert client.get("/api/users/acct:alice@example.org").status_code == 404
        assert client.get("/api/users/alice").status_code == 404


class TestUpdate:
    def test_changes_address_and_display_name_alone(
        self, client: TestClient, lms: dict[str, str], session: Session
    ) -> None:
        make_user(session, username="alice", authority="lms.test")
        body = {"email": "new@school.test", "display_name": "Alice", "authority": "x.test", "username": "eve"}
        expected = {
            "authority": "lms.test",
            "userid": "acct:alice@lms.test",
            "username": "alice",
            "display_name": "Alice",
            "email": "new@school.test",
        }
        for spelling in ("alice", "Al.Ice"):
            assert client.patch(f"/api/users/{spelling}", json=body, headers=lms).json() == expected
        assert client.patch("/api/users/alice", json={}, headers=lms).json() == expected

    def test_refuses_what_cannot_be(self, client: TestClient, lms: dict[str, str], session: Session) -> None:
        make_user(session, username="alice", authority="lms.test")
        response = client.patch("/api/users/alice", json={"email": "x", "display_name": 7}, headers=lms)
        assert response.status_code == 400
        assert response.json()["reason"].endswith(", display_name: must be a string")

    def test_refuses_another_s_address(self, client: TestClient, lms: dict[str, str], session: Session) -> None:
        make_user(session, username="alice", authority="lms.test", email="al@school.test")
        make_user(session, username="bob", authority="lms.test", email="bob@school.test")
        response = client.patch("/api/users/alice", json={"email": "BOB@school.test"}, headers=lms)
        assert response.status_code == 409
        assert client.patch("/api/users/alice", json={"email": "AL@school.test"}, headers=lms).status_code == 200

    @pytest.mark.parametrize("right", ["admin", "staff"])
    def test_leaves_those_alone_who_run_the_site(
        self, client: TestClient, basic_auth: Any, session: Session, right: str
    ) -> None:
        root = make_user(session, username="root", **{right: True})
        answer = client.patch("/api/users/root", json={"email": "evil@x.test"}, headers=basic_auth())
        assert (answer.status_code, root.email) == (404, "root@example.org")

    def test_knows_no_others(self, client: TestClient, lms: dict[str, str], session: Session) -> None:
        make_user(session, username="alice", authority="example.org")
        assert client.patch("/api/users/alice", json={"display_name": "x"}, headers=lms).status_code == 404
        assert client.patch("/api/users/alice", json={"display_name": "x"}).status_code == 404
