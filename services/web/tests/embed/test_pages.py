"""The loader, the client's files and the client's own pages."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.testing.factories import make_annotation, make_user
from hweb.app import create_app
from hweb.resources import Resources
from hweb.settings import Settings
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

VERSION = "1.2345.0"
BUILD = f"/client/{VERSION}/build"
FRAMED = ["/app.html", "/notebook", "/notebook.html", "/user-profile"]
TOP_LEVEL = ["/stream", "/stream?q=tag:x", "/a/AZXoP8pTf1GJ0uhEQyvgkw"]
FOR_EVER = "public, max-age=31536000, immutable"
FIVE_MINUTES = "public, max-age=300"


def config_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script class="js-hypothesis-config" type="application/json">(.*?)</script>', html)
    assert found, html
    values: dict[str, Any] = json.loads(found[1])
    return values


def directives(header: str) -> dict[str, str]:
    return dict(directive.strip().partition(" ")[::2] for directive in header.split(";"))


class TestLoader:
    def test_it_tells_the_client_where_everything_is(self, client: TestClient) -> None:
        script = client.get("/embed.js").text
        found = re.search(r"const config = (\{.*\});", script)
        assert found
        assert json.loads(found[1]) == {
            "assetRoot": f"http://example.org/client/{VERSION}/",
            "sidebarAppUrl": "http://example.org/app.html",
            "notebookAppUrl": "http://example.org/notebook",
            "profileAppUrl": "http://example.org/user-profile",
        }

    def test_other_sites_may_load_it(self, client: TestClient) -> None:
        headers = client.get("/embed.js", headers={"Origin": "https://other.example"}).headers
        assert headers["access-control-allow-origin"] == "*"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["content-type"] == "text/javascript; charset=utf-8"

    def test_browsers_keep_it_for_five_minutes_and_then_ask_whether_it_changed(self, client: TestClient) -> None:
        first = client.get("/embed.js")
        assert first.headers["cache-control"] == FIVE_MINUTES
        again = client.get("/embed.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


class TestFilesOfTheClient:
    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("boot.js", "text/javascript; charset=utf-8"),
            ("scripts/sidebar.bundle.js", "text/javascript; charset=utf-8"),
            ("styles/annotator.css", "text/css; charset=utf-8"),
            ("styles/fonts/KaTeX_Main-Regular.woff2", "font/woff2"),
            ("manifest.json", "application/json"),
        ],
    )
    def test_each_has_its_type_and_is_there_for_all_sites(self, client: TestClient, name: str, media_type: str) -> None:
        answer = client.get(f"{BUILD}/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"

    def test_they_are_untouched(self, client: TestClient, client_directory: Path) -> None:
        name = "scripts/sidebar.bundle.js"
        assert client.get(f"{BUILD}/{name}").content == (client_directory / "build" / name).read_bytes()

    @pytest.mark.parametrize(
        ("path", "caching"),
        [
            (f"{BUILD}/scripts/sidebar.bundle.js?045f77", FOR_EVER),
            (f"{BUILD}/scripts/sidebar.bundle.js", FIVE_MINUTES),
            (f"{BUILD}/boot.js", FIVE_MINUTES),
            (f"{BUILD}/boot.js?045f77", FIVE_MINUTES),
            ("/client/1.2344.0/build/scripts/sidebar.bundle.js?045f77", FIVE_MINUTES),
        ],
    )
    def test_only_what_can_never_change_is_kept_for_ever(self, client: TestClient, path: str, caching: str) -> None:
        assert client.get(path).headers["cache-control"] == caching

    def test_a_second_request_is_answered_alike(self, client: TestClient) -> None:
        first, second = (client.get(f"{BUILD}/boot.js") for _ in range(2))
        assert first.content == second.content
        assert first.headers["etag"] == second.headers["etag"]

    def test_head_works_too(self, client: TestClient) -> None:
        answer = client.head(f"{BUILD}/boot.js")
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize(
        "name",
        [
            "../package.json",
            "%2e%2e/secret.txt",
            "..%2fsecret.txt",
            "%2e%2e%2fsecret.txt",
            "scripts/../../secret.txt",
            "..%5csecret.txt",
            "/etc/passwd",
            "%2fetc%2fpasswd",
            "nothing.js",
            "scripts",
            "",
        ],
    )
    def test_nothing_else_can_be_had(self, client: TestClient, name: str) -> None:
        assert client.get(f"{BUILD}/{name}").status_code == 404

    @pytest.mark.parametrize(
        "name", ["boot-template.js", "scripts/sidebar.bundle.js.map", "scripts/ui-playground.bundle.js"]
    )
    def test_what_no_browser_needs_is_not_served(self, client: TestClient, name: str) -> None:
        assert client.get(f"{BUILD}/{name}").status_code == 404


class TestVersionOfTheClient:
    @pytest.mark.parametrize("package", ["{}", "[]", "not JSON", '{"version": "../x"}', '{"version": 3}', None])
    def test_a_package_that_does_not_say_is_known_by_its_content(
        self, client: TestClient, client_directory: Path, package: str | None
    ) -> None:
        path = client_directory / "package.json"
        path.unlink() if package is None else path.write_text(package)
        root = config_of(client.get("/app.html").text)["assetRoot"]
        assert re.fullmatch(r"http://example\.org/client/[0-9a-f]{12}/", root)
        assert client.get(f"{root}build/boot.js").status_code == 200


class TestPagesOfTheClient:
    @pytest.mark.parametrize("path", FRAMED + TOP_LEVEL)
    def test_each_starts_the_app_with_this_servers_addresses(
        self, client: TestClient, settings: Settings, path: str
    ) -> None:
        answer = client.get(path)
        assert answer.status_code == 200
        assert config_of(answer.text) == {
            "apiUrl": "http://example.org/api/",
            "authDomain": "example.org",
            "oauthClientId": str(settings.oauth_client_id),
            "rpcAllowedOrigins": [],
            "assetRoot": f"http://example.org/client/{VERSION}/",
        }
        order = [answer.text.index(mark) for mark in ("<hypothesis-app>", "js-hypothesis-config", "build/boot.js")]
        assert order == sorted(order)

    @pytest.mark.parametrize("path", FRAMED + TOP_LEVEL)
    def test_they_are_the_same_for_everybody_and_kept_for_five_minutes(self, client: TestClient, path: str) -> None:
        first = client.get(path)
        assert first.headers["cache-control"] == FIVE_MINUTES
        assert "set-cookie" not in first.headers
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304

    @pytest.mark.parametrize("path", FRAMED)
    def test_any_site_may_frame_those_that_live_in_frames(self, client: TestClient, path: str) -> None:
        headers = client.get(path).headers
        assert "frame-ancestors" not in headers["content-security-policy"]
        assert "x-frame-options" not in headers
        assert headers["cross-origin-resource-policy"] == "cross-origin"

    @pytest.mark.parametrize("path", TOP_LEVEL)
    def test_nobody_may_frame_the_others(self, client: TestClient, path: str) -> None:
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"

    def test_their_policy_allows_our_code_and_what_annotations_embed(self, client: TestClient) -> None:
        allowed = directives(client.get("/app.html").headers["content-security-policy"])
        assert allowed["default-src"] == "'none'"
        assert allowed["script-src"] == "'self' http://example.org"
        assert allowed["style-src"] == "'self' http://example.org 'unsafe-inline'"
        assert allowed["connect-src"] == "'self' http://example.org ws://example.org"
        assert {"http:", "https:", "data:"} <= set(allowed["img-src"].split())
        assert "https://www.youtube.com" in allowed["frame-src"]

    def test_a_socket_on_another_host_is_allowed(self, resources: Resources, settings: Settings) -> None:
        moved = settings.model_copy(update={"websocket_url": "wss://live.example.org:8443/ws?x"})
        site = TestClient(create_app(replace(resources, settings=moved)))
        assert "wss://live.example.org:8443;" in site.get("/app.html").headers["content-security-policy"] + ";"

    def test_what_an_operator_writes_cannot_break_out_of_the_config(
        self, resources: Resources, settings: Settings
    ) -> None:
        origins = ("https://lms.example", "</script><script>alert(1)//")
        moved = settings.model_copy(update={"client_rpc_allowed_origins": origins})
        html = TestClient(create_app(replace(resources, settings=moved))).get("/app.html").text
        assert "<script>alert" not in html
        assert config_of(html)["rpcAllowedOrigins"] == list(origins)


class TestPageOfAnAnnotation:
    def test_a_private_one_has_its_page_because_only_the_sidebar_knows_who_asks(
        self, client: TestClient, session: Session
    ) -> None:
        annotation = make_annotation(session, user=make_user(session), shared=False)
        assert client.get(f"/a/{annotation_id_to_urlsafe(annotation.id)}").status_code == 200

    @pytest.mark.parametrize("bad", ["x", "AZXoP8pTf1GJ0uhEQyvgk!", "A" * 23, "A" * 21, "%C3%A4" * 22])
    def test_what_can_be_no_id_is_not_found(self, client: TestClient, bad: str) -> None:
        answer = client.get(f"/a/{bad}")
        assert answer.status_code == 404
        assert "no such annotation" in answer.text


class TestShortAddresses:
    @pytest.mark.parametrize(
        ("path", "target"),
        [
            ("/t/history", "/stream?q=tag%3Ahistory"),
            ("/t/two%20words", "/stream?q=tag%3A%22two+words%22"),
            ("/t/a%2Fb", "/stream?q=tag%3A%22a%2Fb%22"),
            ("/t/say%20%22hi%22", "/stream?q=tag%3A%27say+%22hi%22%27"),
            ("/t/caf%C3%A9", "/stream?q=tag%3Acaf%C3%A9"),
            ("/u/alice", "/stream?q=user%3Aalice"),
            ("/users/alice", "/stream?q=user%3Aalice"),
            ("/search", "/stream"),
            ("/search?q=tag%3Aa+b", "/stream?q=tag%3Aa+b"),
            ("/u/acct%3Aalice%40example.org", "/stream?q=user%3Aalice"),
            ("/u/acct:bob@other.example", "/stream?q=user%3A%22acct%3Abob%40other.example%22"),
        ],
    )
    def test_they_lead_to_the_search(self, client: TestClient, path: str, target: str) -> None:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, target)

    def test_no_tag_is_a_mistake(self, client: TestClient) -> None:
        assert client.get("/t/").status_code == 400


class TestWithoutTheClient:
    @pytest.fixture(params=["unset", "empty directory"])
    def site(
        self, resources: Resources, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
    ) -> TestClient:
        where = None if request.param == "unset" else tmp_path / "nothing"
        moved = settings.model_copy(update={"h_client_dir": where})
        return TestClient(create_app(replace(resources, settings=moved)), raise_server_exceptions=False)

    @pytest.mark.parametrize("path", ["/embed.js", f"{BUILD}/boot.js", "/app.html", "/stream"])
    def test_what_needs_it_says_so(self, site: TestClient, path: str) -> None:
        answer = site.get(path)
        assert answer.status_code == 503
        assert "client is not installed" in answer.text

    def test_everything_else_works(self, site: TestClient) -> None:
        assert site.get("/api/profile").status_code == 200
        assert site.get("/welcome").status_code == 200
