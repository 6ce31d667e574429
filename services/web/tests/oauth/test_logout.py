"""The sidebar and the site, logged out of together."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hcommon.events.accounts import GrantRevoked
from hcommon.models import AuthClient, AuthzCode, Grant, User
from hcommon.testing.factories import recorded_events
from hweb.app import create_app
from hweb.resources import Resources
from redis import Redis
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


def logged_in(client: TestClient, application: AuthClient) -> dict[str, Any]:
    """Let an application in as the popup does and return its tokens."""
    asked = {"client_id": str(application.id), "response_type": "code", "response_mode": "web_message"}
    found = re.search(r'"code":"([^"]+)"', client.get("/oauth/authorize", params=asked).text)
    assert found
    form = {"grant_type": "authorization_code", "client_id": str(application.id), "code": found[1]}
    tokens: dict[str, Any] = client.post("/api/token", data=form).json()
    return tokens


def is_on_the_site(client: TestClient) -> bool:
    return client.get("/account/settings").status_code == 200


@pytest.fixture(autouse=True)
def _on_the_site(sign_in: Callable[[int], None], alice: User) -> None:
    sign_in(alice.id)


class TestLogOutOfTheSidebar:
    @pytest.mark.parametrize("which", ["access_token", "refresh_token"])
    def test_is_one_of_the_site_even_where_no_cookie_is_sent(
        self, client: TestClient, resources: Resources, sidebar: AuthClient, which: str
    ) -> None:
        tokens = logged_in(client, sidebar)
        assert is_on_the_site(client)
        elsewhere = TestClient(create_app(resources), base_url="http://example.org")
        assert elsewhere.post("/oauth/revoke", data={"token": tokens[which]}).status_code == 200
        assert not is_on_the_site(client)

    def test_leaves_the_sessions_of_other_browsers_alone(
        self, client: TestClient, sidebar: AuthClient, sign_in: Callable[[int], None], alice: User
    ) -> None:
        tokens = logged_in(client, sidebar)
        sign_in(alice.id)
        client.post("/oauth/revoke", data={"token": tokens["access_token"]})
        assert is_on_the_site(client)

    def test_of_another_application_is_no_log_out(
        self, client: TestClient, make_client: Callable[..., AuthClient]
    ) -> None:
        tokens = logged_in(client, make_client(trusted=True))
        client.post("/oauth/revoke", data={"token": tokens["access_token"]})
        assert is_on_the_site(client)

    def test_without_redis_can_be_tried_again(
        self, client: TestClient, resources: Resources, sidebar: AuthClient, session: Session
    ) -> None:
        tokens = logged_in(client, sidebar)
        away = replace(resources, redis=Redis(host="127.0.0.1", port=1, socket_connect_timeout=1))
        broken = TestClient(create_app(away), base_url="http://example.org")
        assert broken.post("/oauth/revoke", data={"token": tokens["access_token"]}).status_code == 503
        assert session.scalars(select(Grant)).all()
        assert client.post("/oauth/revoke", data={"token": tokens["access_token"]}).status_code == 200
        assert not is_on_the_site(client)


class TestLogOutOfTheSite:
    def test_ends_what_the_sidebar_got_in_this_browser(
        self,
        client: TestClient,
        sidebar: AuthClient,
        make_client: Callable[..., AuthClient],
        submit: Callable[..., Any],
        session: Session,
    ) -> None:
        tokens = logged_in(client, sidebar)
        others = logged_in(client, make_client(trusted=True))
        assert submit("/logout", {}).status_code == 302

        def userid(access_token: str) -> Any:
            return client.get("/api/profile", headers={"Authorization": f"Bearer {access_token}"}).json()["userid"]

        assert userid(tokens["access_token"]) is None
        assert userid(others["access_token"]) == "acct:alice@example.org"
        assert [type(event) for event in recorded_events(session)] == [GrantRevoked]

    def test_ends_a_code_that_was_not_exchanged_yet(
        self, client: TestClient, sidebar: AuthClient, submit: Callable[..., Any], session: Session
    ) -> None:
        asked = {"client_id": str(sidebar.id), "response_type": "code", "response_mode": "web_message"}
        client.get("/oauth/authorize", params=asked)
        assert session.scalars(select(AuthzCode.id)).all() != []
        submit("/logout", {})
        assert session.scalars(select(AuthzCode.id)).all() == []
