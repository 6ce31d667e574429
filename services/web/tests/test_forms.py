"""Forms come from our own pages, or are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hcommon.testing.factories import make_user
from hweb import forms, routes
from hweb.resources import Resources
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

TOKEN_IN_ADDRESS_OR_BODY = {"/oauth/revoke", "/notification/unsubscribe/{token}"}
"""What these take is a secret that nobody else can make a browser send."""

FORMS = ["/login", "/signup", "/logout", "/oauth/authorize"]


def token_of(client: TestClient, path: str = "/login") -> str:
    return client.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]


def all_routes() -> list[APIRoute]:
    app = FastAPI()
    routes.include(app)
    found: list[APIRoute] = []

    def collect(items: Any) -> None:
        for item in items:
            if isinstance(item, APIRoute):
                found.append(item)
            else:
                collect(getattr(item, "routes", None) or getattr(getattr(item, "original_router", None), "routes", []))

    collect(app.router.routes)
    return found


def calls_of(dependant: Any) -> set[Any]:
    return {dependant.call}.union(*(calls_of(child) for child in dependant.dependencies))


ENTITLED = {"/oauth/revoke", "/notification/unsubscribe/{token}"}
"""What is sent there entitles by itself, whoever sends it; mail programs know no token of a form (RFC 8058)."""


class TestEveryForm:
    def test_outside_the_api_is_checked(self) -> None:
        changing = [route for route in all_routes() if route.methods - {"GET", "HEAD", "OPTIONS"}]
        pages = [r for r in changing if not r.path.startswith("/api/") and r.path not in ENTITLED]
        assert {"/login", "/signup", "/logout", "/oauth/authorize", "/claim-admin/{code}"} <= {r.path for r in pages}
        assert [r.path for r in pages if forms.checked_form not in calls_of(r.dependant)] == []

    @pytest.mark.parametrize("path", FORMS)
    def test_without_a_token_is_refused_with_a_way_back(self, client: TestClient, path: str) -> None:
        token_of(client)
        answer = client.post(path, data={"username": "x", "decision": "allow"})
        assert answer.status_code == 403
        assert "Go back" in answer.text
        assert answer.headers["content-type"].startswith("text/html")

    @pytest.mark.parametrize("path", FORMS)
    def test_with_another_visitor_s_token_is_refused(self, client: TestClient, path: str) -> None:
        stolen = token_of(client)
        client.cookies.clear()
        token_of(client)
        assert client.post(path, data={"csrf_token": stolen}).status_code == 403

    @pytest.mark.parametrize("token", ["", "x", "A" * 60, "ä", "====", "A" * 10_000])
    def test_with_a_made_up_token_is_refused(self, client: TestClient, token: str) -> None:
        token_of(client)
        assert client.post("/login", data={"csrf_token": token}).status_code == 403

    def test_without_cookies_is_refused(self, client: TestClient) -> None:
        token = token_of(client)
        client.cookies.clear()
        assert client.post("/login", data={"csrf_token": token}).status_code == 403

    def test_that_another_site_sent_is_refused(self, client: TestClient) -> None:
        data = {"csrf_token": token_of(client), "username": "x"}
        assert client.post("/login", data=data, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.post("/login", data=data, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 400


class TestToken:
    def test_of_before_the_sign_in_is_void_afterwards(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session
    ) -> None:
        token = token_of(client)
        sign_in(make_user(session).id)
        assert client.post("/logout", data={"csrf_token": token}).status_code == 403

    def test_of_a_session_works_as_long_as_the_session(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session
    ) -> None:
        user = make_user(session)
        sign_in(user.id)
        token = token_of(client, "/logout")
        sign_in(user.id)
        assert client.post("/logout", data={"csrf_token": token}).status_code == 403

    def test_differs_on_every_page_and_all_of_them_work(self, client: TestClient) -> None:
        first, second = token_of(client), token_of(client)
        assert first != second
        for token in (first, second):
            assert client.post("/login", data={"csrf_token": token}).status_code == 400

    def test_cookie_cannot_be_read_by_scripts(self, client: TestClient) -> None:
        cookie = client.get("/login").headers["set-cookie"]
        assert cookie.startswith("h_csrf=")
        assert "HttpOnly; Path=/; SameSite=lax" in cookie
        assert "set-cookie" not in client.get("/login").headers

    def test_stands_on_pages_that_are_not_stored(self, client: TestClient) -> None:
        assert client.get("/login").headers["cache-control"] == "no-store"


class TestCookiesOverHttps:
    def test_are_sent_over_https_alone(self, client: TestClient, resources: Resources) -> None:
        object.__setattr__(resources.settings, "app_url", "https://example.org")
        assert "Secure" in client.get("/login").headers["set-cookie"]


class TestFormBody:
    def test_too_large_is_413(self, client: TestClient) -> None:
        token = token_of(client)
        assert client.post("/login", data={"csrf_token": token, "x": "y" * 70_000}).status_code == 413

    def test_of_too_many_fields_is_413(self, client: TestClient) -> None:
        body = "&".join(f"f{n}=1" for n in range(200))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post("/login", content=body, headers=headers).status_code == 413

    def test_of_another_type_is_no_form(self, client: TestClient) -> None:
        token = token_of(client)
        assert client.post("/login", json={"csrf_token": token}).status_code == 403
        assert client.post("/login", files={"csrf_token": ("x", token)}).status_code == 403

    def test_of_bytes_that_are_no_text_is_read_nevertheless(self, client: TestClient) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = b"username=\xff%ff%00&csrf_token=" + token_of(client).replace("=", "%3D").encode()
        assert client.post("/login", content=body, headers=headers).status_code == 400
