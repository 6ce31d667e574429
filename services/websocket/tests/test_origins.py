"""Which pages may connect."""

import pytest
from hwebsocket.origins import OriginPolicy, normalize_origin


class TestNormalizeOrigin:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("https://example.org", "https://example.org"),
            ("https://example.org/", "https://example.org"),
            ("HTTPS://Example.ORG:443", "https://example.org"),
            ("http://example.org:80", "http://example.org"),
            ("http://example.org:443", "http://example.org:443"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("http://[::1]:5000", "http://[::1]:5000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ],
    )
    def test_writes_it_as_browsers_do(self, text: str, expected: str) -> None:
        assert normalize_origin(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "null",
            "example.org",
            "//example.org",
            "https://",
            "https://example.org/path",
            "https://example.org?x",
            "https://example.org#x",
            "https://user@example.org",
            "https://example.org:port",
            "https://[::1",
            f"https://{'x' * 70}.org",
        ],
    )
    def test_is_none_for_anything_else(self, text: str) -> None:
        assert normalize_origin(text) is None


class TestOriginPolicy:
    policy = OriginPolicy(app_url="https://annotate.example.org", allowed=["http://other.example.org:8080"])

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            (None, True),
            ("https://annotate.example.org", True),
            ("https://ANNOTATE.example.org:443", True),
            ("http://other.example.org:8080", True),
            ("http://annotate.example.org", False),
            ("https://annotate.example.org:444", False),
            ("https://annotate.example.org.evil.test", False),
            ("http://other.example.org", False),
            ("https://evil.test", False),
            ("null", False),
            ("", False),
        ],
    )
    def test_allows_the_site_and_what_is_listed(self, origin: str | None, allowed: bool) -> None:
        assert self.policy.allows(origin) is allowed
        assert not self.policy.allows_any

    @pytest.mark.parametrize("origin", [None, "https://evil.test", "null"])
    def test_a_star_allows_all(self, origin: str | None) -> None:
        policy = OriginPolicy(app_url="https://annotate.example.org", allowed=["*"])
        assert policy.allows(origin)
        assert policy.allows_any
