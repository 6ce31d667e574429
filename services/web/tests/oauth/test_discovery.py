"""What programs can learn: where to ask for access, and what a token is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hcommon.models import AuthClient, User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_access_token, make_user
from hweb.oauth import service
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


class TestMetadata:
    def test_names_addresses_that_are_served(self, client: TestClient) -> None:
        answer = client.get("/.well-known/oauth-authorization-server")
        assert answer.headers["access-control-allow-origin"] == "*"
        values = answer.json()
        assert values["issuer"] == "http://example.org"
        assert values["code_challenge_methods_supported"] == ["S256"]
        for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint"):
            path = values[name].removeprefix("http://example.org")
            method = "GET" if name == "authorization_endpoint" else "POST"
            assert client.request(method, path).status_code == 400, path

    def test_leads_to_what_is_supported(self, client: TestClient) -> None:
        values = client.get("/.well-known/oauth-authorization-server").json()
        for grant_type in values["grant_types_supported"]:
            answer = client.post("/api/token", data={"grant_type": grant_type})
            assert answer.json()["error"] != "unsupported_grant_type"


class TestDebugToken:
    def ask(self, client: TestClient, token: str) -> Any:
        return client.get("/api/debug-token", headers={"Authorization": f"Bearer {token}"})

    def test_tells_whose_an_access_token_is(
        self, client: TestClient, session: Session, sidebar: AuthClient, alice: User
    ) -> None:
        service.save_code(
            session,
            code="c" * 30,
            client_id=sidebar.id,
            user_id=alice.id,
            redirect_uri=None,
            code_challenge=None,
            browser_session=None,
            now=START,
        )
        form = {"grant_type": "authorization_code", "client_id": str(sidebar.id), "code": "c" * 30}
        token = client.post("/api/token", data=form).json()["access_token"]
        answer = self.ask(client, token)
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "userid": "acct:alice@example.org",
                "expires_at": "2026-01-02T04:04:05.678901+00:00",
                "issued_at": "2026-01-02T03:04:05.678901+00:00",
                "expired": False,
                "client": {"id": str(sidebar.id), "name": "Sidebar"},
            },
        )

    def test_knows_that_a_developer_token_never_ends(self, client: TestClient, session: Session, alice: User) -> None:
        values = self.ask(client, service.create_developer_token(session, user_id=alice.id, now=START)).json()
        assert (values["expires_at"], "client" in values) == (None, False)

    @pytest.mark.parametrize(
        "make",
        [
            lambda _: "5768-x",
            lambda _: "",
            lambda session: make_access_token(session, user=make_user(session), expires=START - timedelta(seconds=1)),
            lambda session: make_access_token(session, user=make_user(session, deleted=True)),
        ],
    )
    def test_refuses_what_is_no_token(
        self, client: TestClient, session: Session, make: Callable[[Session], str]
    ) -> None:
        answer = self.ask(client, make(session))
        assert (answer.status_code, answer.json()["error"]) == (401, "missing_token")
        assert answer.headers["hypothesis-media-type"] == "application/vnd.hypothesis.v1+json"
        assert client.get("/api/debug-token").status_code == 401
