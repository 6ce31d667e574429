"""The API's index and the links to pages."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hweb.links.catalog import LINKS
from starlette.testclient import TestClient

NEEDED_BY_THE_CLIENT = [
    "search",
    "annotation.create",
    "annotation.read",
    "annotation.update",
    "annotation.delete",
    "annotation.flag",
    "annotation.hide",
    "annotation.unhide",
    "annotation.moderate",
    "group.read",
    "group.members.read",
    "group.member.delete",
    "groups.read",
    "profile.read",
    "profile.update",
    "profile.groups.read",
    "analytics.events.create",
    "links",
]


def leaves(level: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in level.items():
        if isinstance(value, dict):
            if "url" in value:
                yield prefix + name, value
            yield from leaves(value, f"{prefix}{name}.")


@pytest.fixture
def index(client: TestClient) -> dict[str, dict[str, Any]]:
    return dict(leaves(client.get("/api/").json()["links"]))


class TestIndex:
    @pytest.mark.parametrize("name", NEEDED_BY_THE_CLIENT)
    def test_it_has_every_name_that_the_client_asks_for(self, index: dict[str, Any], name: str) -> None:
        assert index[name].keys() == {"method", "url", "desc"}

    def test_its_addresses_are_absolute(self, index: dict[str, Any]) -> None:
        assert all(link["url"].startswith("http://example.org/api/") for link in index.values())

    @pytest.mark.parametrize(
        ("name", "method", "url"),
        [
            ("annotation.update", "PATCH", "/api/annotations/:id"),
            ("annotation.unhide", "DELETE", "/api/annotations/:id/hide"),
            ("group.read", "GET", "/api/groups/:id"),
            ("group.members.read", "GET", "/api/groups/:pubid/members"),
            ("group.member.delete", "DELETE", "/api/groups/:pubid/members/:userid"),
            ("links", "GET", "/api/links"),
        ],
    )
    def test_its_placeholders_have_the_names_that_the_client_fills(
        self, index: dict[str, Any], name: str, method: str, url: str
    ) -> None:
        assert (index[name]["method"], index[name]["url"]) == (method, f"http://example.org{url}")

    def test_beyond_that_it_lists_what_is_served_and_nothing_else(
        self, client: TestClient, index: dict[str, Any]
    ) -> None:
        paths = client.get("/api/openapi.json").json()["paths"]
        served = {(method, re.sub(r"\{[^}]*\}", ":x", path)) for path, methods in paths.items() for method in methods}
        for link in LINKS:
            address = re.sub(r":\w+", ":x", f"/api/{link.path}")
            expected = link.name in NEEDED_BY_THE_CLIENT or (link.method.lower(), address) in served
            assert (link.name in index) == expected, link.name

    def test_without_its_slash_it_is_found_too(self, client: TestClient) -> None:
        answer = client.get("/api")
        assert (answer.status_code, answer.headers["location"]) == (307, "http://example.org/api/")


class TestLinks:
    def test_it_is_a_flat_sorted_map(self, client: TestClient) -> None:
        links = client.get("/api/links").json()
        assert list(links) == sorted(links)
        assert links == {
            "account.settings": "http://example.org/account/settings",
            "forgot-password": "http://example.org/forgot-password",
            "groups.new": "http://example.org/groups/new",
            "help": "http://example.org/docs/help",
            "oauth.authorize": "http://example.org/oauth/authorize",
            "oauth.revoke": "http://example.org/oauth/revoke",
            "search.tag": "http://example.org/stream?q=tag%3A%22:tag%22",
            "signup": "http://example.org/signup",
            "user": "http://example.org/u/:user",
            "websocket": "ws://example.org/ws",
        }

    @pytest.mark.parametrize("name", ["account.settings", "forgot-password", "groups.new", "help", "signup"])
    def test_no_page_behind_it_is_missing(self, client: TestClient, name: str) -> None:
        assert client.get(client.get("/api/links").json()[name]).status_code in {200, 302}


class TestBoth:
    @pytest.mark.parametrize("path", ["/api/", "/api/links"])
    def test_they_are_the_same_for_everybody_and_kept_for_five_minutes(self, client: TestClient, path: str) -> None:
        answer = client.get(path, headers={"Authorization": "Bearer nonsense"})
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["access-control-allow-origin"] == "*"
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
