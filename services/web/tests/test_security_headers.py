"""What browsers are told that pages may do."""

from dataclasses import replace

import pytest
from hweb.app import create_app
from hweb.resources import Resources
from hweb.security_headers import SITE_POLICY, policy
from hweb.settings import Settings
from starlette.testclient import TestClient


class TestPolicy:
    def test_it_allows_nothing_that_is_not_named(self) -> None:
        assert SITE_POLICY.startswith("default-src 'none'; ")

    @pytest.mark.parametrize("word", ["unsafe", "*", "http:"])
    def test_it_has_no_holes(self, word: str) -> None:
        assert word not in SITE_POLICY

    def test_a_directive_is_replaced_added_or_left_out(self) -> None:
        changed = policy({"img-src": "https:", "frame-src": "'self'", "frame-ancestors": None})
        assert "img-src https:;" in changed
        assert changed.endswith("frame-src 'self'")
        assert "frame-ancestors" not in changed


class TestPages:
    @pytest.mark.parametrize("path", ["/docs", "/groups/new", "/no-such-page"])
    def test_a_page_has_the_policy_and_cannot_be_framed(self, client: TestClient, path: str) -> None:
        headers = client.get(path).headers
        assert headers["content-security-policy"] == SITE_POLICY
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert headers["x-content-type-options"] == "nosniff"

    def test_other_answers_have_only_what_concerns_them(self, client: TestClient) -> None:
        headers = client.get("/api/").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" not in headers

    def test_plain_http_promises_no_https(self, client: TestClient) -> None:
        assert "strict-transport-security" not in client.get("/docs").headers


class TestSettings:
    def serve(self, resources: Resources, settings: Settings) -> TestClient:
        return TestClient(create_app(replace(resources, settings=settings)), base_url=settings.app_url)

    def test_a_site_on_https_says_that_it_stays_there(self, resources: Resources, settings: Settings) -> None:
        site = self.serve(resources, settings.model_copy(update={"app_url": "https://example.org"}))
        assert site.get("/docs").headers["strict-transport-security"] == "max-age=31536000"

    def test_the_policy_can_be_switched_off_but_framing_stays_forbidden(
        self, resources: Resources, settings: Settings
    ) -> None:
        site = self.serve(resources, settings.model_copy(update={"csp_enabled": False}))
        headers = site.get("/docs").headers
        assert "content-security-policy" not in headers
        assert headers["x-frame-options"] == "DENY"
