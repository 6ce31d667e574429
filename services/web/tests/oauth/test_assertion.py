"""The JWT bearer grant."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hcommon.auth import principal_of_token
from hcommon.models import AuthClient, Grant, User
from hcommon.testing.clock import FrozenClock
from hcommon.testing.examples import examples
from hcommon.testing.factories import make_user
from hweb.resources import Resources
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

SECRET = "a secret of the LMS, long enough for HS256 and for HS512, which needs 64 bytes"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def send(client: TestClient, assertion: str) -> Any:
    return client.post("/api/token", data={"grant_type": GRANT_TYPE, "assertion": assertion})


@pytest.fixture
def student(session: Session) -> User:
    return make_user(session, username="Stu.Dent", authority="lms.test")


@pytest.fixture
def claims(lms: AuthClient, student: User, clock: FrozenClock) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    return {"iss": str(lms.id), "aud": "example.org", "sub": "acct:student@lms.test", "nbf": now, "exp": now + 600}


class TestAssertion:
    def test_is_exchanged_for_tokens(self, client: TestClient, claims: dict[str, Any]) -> None:
        answer = send(client, jwt.encode(claims, SECRET, "HS256"))
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
        headers = {"Authorization": f"Bearer {body['access_token']}"}
        assert client.get("/api/profile", headers=headers).json()["userid"] == "acct:Stu.Dent@lms.test"

    def test_tokens_are_refreshed_without_the_secret(self, client: TestClient, claims: dict[str, Any]) -> None:
        token = send(client, jwt.encode(claims, SECRET, "HS256")).json()["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": token}
        assert client.post("/api/token", data=form).status_code == 200

    def test_may_name_several_audiences(self, client: TestClient, claims: dict[str, Any]) -> None:
        claims["aud"] = ["other.test", "example.org"]
        assert send(client, jwt.encode(claims, SECRET, "HS256")).status_code == 200

    def test_tolerates_clocks_that_differ_a_little(
        self, client: TestClient, claims: dict[str, Any], clock: FrozenClock
    ) -> None:
        now = clock.now()
        for nbf, exp in [(now + timedelta(seconds=9), now + timedelta(minutes=5)), (now - timedelta(minutes=5), now)]:
            claims |= {"nbf": nbf.timestamp(), "exp": exp.timestamp()}
            assert send(client, jwt.encode(claims, SECRET, "HS256")).status_code == 200

    @pytest.mark.parametrize("name", ["aud", "exp", "nbf", "sub", "iss"])
    def test_needs_every_claim(self, client: TestClient, claims: dict[str, Any], name: str) -> None:
        del claims[name]
        answer = send(client, jwt.encode(claims, SECRET, "HS256"))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert f"missing the claim {name}" in answer.json()["error_description"]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"aud": "evil.test"}, "audience"),
            ({"aud": "example.org:5000"}, "audience"),
            ({"aud": ["x", "y"]}, "audience"),
            ({"exp": 1e300}, "too long"),
            ({"exp": float("inf")}, "too long"),
            ({"exp": float("nan")}, "expired"),
            ({"exp": "soon"}, "numbers"),
            ({"exp": True}, "numbers"),
            ({"nbf": [1]}, "numbers"),
            ({"nbf": 0}, "too long"),
            ({"sub": "acct:nobody@lms.test"}, "no user"),
            ({"sub": "acct:alice@example.org"}, "another authority"),
            ({"sub": "student"}, "not a userid"),
            ({"sub": ""}, "not a userid"),
            ({"sub": "acct:\0@lms.test"}, "not a userid"),
        ],
    )
    def test_is_refused_with_its_own_reason(
        self, client: TestClient, claims: dict[str, Any], changes: dict[str, Any], reason: str
    ) -> None:
        answer = send(client, jwt.encode(claims | changes, SECRET, "HS256"))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert reason in answer.json()["error_description"]

    def test_is_refused_before_and_after_its_time(
        self, client: TestClient, claims: dict[str, Any], clock: FrozenClock
    ) -> None:
        text = jwt.encode(claims, SECRET, "HS256")
        clock.advance(seconds=-11)
        assert "not yet valid" in send(client, text).json()["error_description"]
        clock.advance(seconds=11 + 611)
        assert "expired" in send(client, text).json()["error_description"]

    def test_is_refused_with_another_signature(self, client: TestClient, claims: dict[str, Any]) -> None:
        for text in [
            jwt.encode(claims, "x" * 40, "HS256"),
            jwt.encode(claims, SECRET, "HS512"),
            jwt.encode(claims, "", "none"),
        ]:
            answer = send(client, text)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

    @pytest.mark.parametrize("issuer", ["x", "6a1a46d3-d0fb-42e7-9d15-11c1311f5c7b", "", 7, ["x"]])
    def test_of_an_unknown_issuer_is_refused(self, client: TestClient, claims: dict[str, Any], issuer: Any) -> None:
        payload = json.dumps(claims | {"iss": issuer}).encode()
        answer = send(client, jwt.PyJWS().encode(payload, SECRET, "HS256"))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_of_a_client_for_other_things_is_refused(
        self, client: TestClient, claims: dict[str, Any], make_client: Callable[..., AuthClient]
    ) -> None:
        other = make_client(secret=SECRET, authority="lms.test")
        answer = send(client, jwt.encode(claims | {"iss": str(other.id)}, SECRET, "HS256"))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_of_a_deleted_user_is_refused(
        self, client: TestClient, claims: dict[str, Any], session: Session, student: User
    ) -> None:
        student.deleted = True
        session.flush()
        assert send(client, jwt.encode(claims, SECRET, "HS256")).status_code == 400

    def test_is_needed(self, client: TestClient) -> None:
        answer = client.post("/api/token", data={"grant_type": GRANT_TYPE})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    @given(st.one_of(st.text(max_size=40), st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}", fullmatch=True)))
    @settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_that_is_none_is_refused(self, client: TestClient, text: str) -> None:
        answer = send(client, text)
        assert answer.status_code in (400, 401)
        assert answer.json()["error"]

    def test_that_is_nested_deeply_is_refused(self, client: TestClient) -> None:
        from base64 import urlsafe_b64encode  # noqa: PLC0415 - the one test that builds a JWT by hand

        header, payload = b'{"alg":"HS256"}', b"[" * 20_000
        text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload, b"x")).decode()
        assert send(client, text).status_code == 400


class TestSiteClient:
    """The site's own client, with a secret."""

    def test_signs_for_users_of_the_site_without_their_rights(
        self,
        *,
        client: TestClient,
        make_client: Callable[..., AuthClient],
        resources: Resources,
        session: Session,
        claims: dict[str, Any],
        clock: FrozenClock,
    ) -> None:
        own = make_client(client_id=resources.settings.oauth_client_id, secret=SECRET)
        make_user(session, username="root", admin=True, staff=True)
        text = jwt.encode(claims | {"iss": str(own.id), "sub": "acct:root@example.org"}, SECRET, "HS256")
        token = send(client, text).json()["access_token"]
        found = principal_of_token(session, token, now=clock.now())
        assert found.userid == "acct:root@example.org"
        assert (found.admin, found.staff) == (False, False)
        assert session.scalars(select(Grant.source)).one() == "jwt"

    def test_without_a_secret_signs_nothing(
        self, client: TestClient, sidebar: AuthClient, claims: dict[str, Any]
    ) -> None:
        text = jwt.encode(claims | {"iss": str(sidebar.id)}, "x" * 40, "HS256")
        assert send(client, text).status_code == 401
