"""The start page."""

import html
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hcommon.testing.factories import make_user
from hweb.app import create_app
from hweb.resources import Resources
from hweb.settings import Settings
from redis import Redis
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

APP_URL = "http://example.org"


class TestHome:
    def test_it_leads_to_the_welcome_page(self, client: TestClient) -> None:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (302, "/welcome")

    def test_or_where_the_operator_wants(self, resources: Resources, settings: Settings) -> None:
        moved = settings.model_copy(update={"homepage_redirect_url": "https://intra.example/notes"})
        site = TestClient(create_app(replace(resources, settings=moved)), follow_redirects=False)
        assert site.get("/").headers["location"] == "https://intra.example/notes"

    @pytest.mark.parametrize("path", ["/docs/help", "/welcome/"])
    def test_the_help_is_there_too(self, client: TestClient, path: str) -> None:
        assert client.get(path).headers["location"] == "/welcome"


class TestWelcome:
    def test_the_sidebar_is_embedded_and_allowed_to_run(self, client: TestClient) -> None:
        answer = client.get("/welcome")
        assert '<script async src="/embed.js"></script>' in answer.text
        policy = answer.headers["content-security-policy"]
        for directive in ("script-src", "style-src", "frame-src"):
            assert f"{directive} 'self' http://example.org;" in policy + ";"
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy

    def test_the_bookmarklet_loads_the_sidebar_from_this_server(self, client: TestClient) -> None:
        found = re.search(r'<a class="button bookmarklet" href="(javascript:[^"]+)"', client.get("/welcome").text)
        assert found
        code = html.unescape(found[1])
        assert "s.src='http://example.org/embed.js'" in code
        assert not re.search(r"[\s{]{2}|[\n\"%#]", code.replace("function(){", ""))

    def test_it_shows_how_to_embed_it(self, client: TestClient) -> None:
        line = '<script async src="http://example.org/embed.js"></script>'
        assert html.escape(line, quote=False) in client.get("/welcome").text

    def test_visitors_are_shown_the_way_in(self, client: TestClient) -> None:
        text = client.get("/welcome").text
        assert 'href="/login"' in text
        assert 'href="/signup"' in text
        assert "/logout" not in text

    def test_users_see_their_name_and_the_way_out(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session, username="maria").id)
        answer = client.get("/welcome")
        assert "maria" in answer.text
        assert '<form class="inline" method="post" action="/logout">' in answer.text
        assert re.search(r'name="csrf_token" value="[^"]+"', answer.text)
        assert 'href="/login"' not in answer.text
        assert answer.headers["cache-control"].startswith("private")

    def test_it_logs_out(self, client: TestClient, session: Session, sign_in: Callable[[int], None]) -> None:
        sign_in(make_user(session, username="maria").id)
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/welcome").text)
        assert token
        assert client.post("/logout", data={"csrf_token": token[1]}).status_code in {302, 303}
        assert "maria" not in client.get("/welcome").text

    def test_a_deleted_users_session_shows_nobody(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session, username="maria", deleted=True).id)
        text = client.get("/welcome").text
        assert "maria" not in text
        assert 'href="/login"' in text

    def test_it_shows_while_nobody_can_be_recognised(
        self, resources: Resources, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session).id)
        nowhere: Redis = Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
        site = TestClient(create_app(replace(resources, redis=nowhere)), base_url=APP_URL, cookies=client.cookies)
        answer = site.get("/welcome")
        assert answer.status_code == 200
        assert 'href="/login"' not in answer.text
