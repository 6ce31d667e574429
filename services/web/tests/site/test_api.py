"""Files of the site itself."""

import re

import pytest
from starlette.testclient import TestClient

FOR_EVER = "public, max-age=31536000, immutable"


class TestStaticFiles:
    def test_pages_name_them_so_that_they_can_be_kept_for_ever(self, client: TestClient) -> None:
        names = re.findall(r'"(/static/[^"]+)"', client.get("/docs").text)
        assert names
        for name in names:
            answer = client.get(name)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_EVER), name

    @pytest.mark.parametrize("query", ["", "?old"])
    def test_under_another_address_they_are_asked_for_again_soon(self, client: TestClient, query: str) -> None:
        answer = client.get(f"/static/site.css{query}")
        assert answer.headers["cache-control"] == "public, max-age=300"
        again = client.get(f"/static/site.css{query}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304

    @pytest.mark.parametrize(
        "name", ["../templating.py", "..%2ftemplating.py", "%2e%2e/settings.py", "", "nothing.css"]
    )
    def test_nothing_else_can_be_had(self, client: TestClient, name: str) -> None:
        assert client.get(f"/static/{name}").status_code == 404

    def test_the_style_sheet_loads_nothing(self, client: TestClient) -> None:
        assert not re.search(r"@import|url\(|https?:", client.get("/static/site.css").text)


class TestPages:
    @pytest.mark.parametrize(
        "path",
        [
            "/admin",
            "/admin/users",
            "/admin/badge",
            "/signup/orcid",
            "/oidc/login/google",
            "/account/settings/identity",
            "/welcome/slug",
            "/via",
            "/claim_account/x",
        ],
    )
    def test_that_are_left_out_are_not_found(self, client: TestClient, path: str) -> None:
        assert client.get(path).status_code == 404


class TestWellKnownFiles:
    def test_there_is_an_icon(self, client: TestClient) -> None:
        answer = client.get("/favicon.ico")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")

    def test_robots_are_told_what_to_leave_alone(self, client: TestClient) -> None:
        answer = client.get("/robots.txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=86400"
        assert "Disallow: /api/" in answer.text
