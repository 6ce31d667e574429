"""A scope takes in its page and what lies below, whatever the spelling, and no other site."""

import pytest
from hcommon.uri import InvalidURIError, scope_matches, split_scope
from hypothesis import given
from hypothesis import strategies as st


class TestSplitScope:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://example.com", ("https://example.com", "")),
            ("https://example.com/", ("https://example.com", "")),
            ("HTTPS://EXAMPLE.com:443/A/", ("https://example.com", "/A")),
            ("http://example.com:8080/a?x#y", ("http://example.com:8080", "/a")),
            ("http://user:pw@example.com/a", ("http://example.com", "/a")),
            ("http://example.com/a b/%7ec", ("http://example.com", "/a%20b/~c")),
            ("http://example.com/a/../b/./c/..", ("http://example.com", "/b")),
            ("http://example.com/../..", ("http://example.com", "")),
            ("http://example.com/.well-known/..a", ("http://example.com", "/.well-known/..a")),
            ("http://[::1]:80/a", ("http://[::1]", "/a")),
        ],
    )
    def test_gives_origin_and_path(self, url: str, expected: tuple[str, str]) -> None:
        assert split_scope(url) == expected

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "example.com",
            "urn:x-pdf:a",
            "ftp://example.com",
            "http://",
            "http://a:b",
            "http://a\\@b/",
            "http://a\\b/",
        ],
    )
    def test_refuses(self, url: str) -> None:
        with pytest.raises(InvalidURIError):
            split_scope(url)

    @given(st.text(alphabet="ab./%2eEfé ?#", max_size=20))
    def test_reads_back_what_it_gave(self, path: str) -> None:
        origin, scope_path = split_scope(f"http://example.com/{path}")
        assert split_scope(origin + scope_path) == (origin, scope_path)


class TestScopeMatches:
    @pytest.mark.parametrize(
        ("scope", "uri"),
        [
            ("https://example.com", "https://example.com"),
            ("https://example.com", "https://example.com/"),
            ("https://example.com", "https://example.com?x"),
            ("https://example.com", "https://example.com/a/b"),
            ("https://example.com/", "https://example.com/a"),
            ("https://example.com/a", "https://example.com/a"),
            ("https://example.com/a", "https://example.com/a/"),
            ("https://example.com/a", "https://example.com/a/b"),
            ("https://example.com/a", "https://example.com/a?x"),
            ("https://example.com/a", "https://example.com/a#x"),
            ("https://example.com/a/", "https://example.com/a"),
            ("https://example.com/a", "https://EXAMPLE.COM/a"),
            ("https://Example.com/a", "https://example.com:443/a"),
            ("http://example.com:80", "http://example.com/a"),
            ("https://example.com/a%20b", "https://example.com/a b/c"),
            ("https://example.com/é", "https://example.com/%c3%a9"),
            ("https://example.com/a", "https://example.com/b/../a/c"),
            ("https://example.com", "https://evil.org@example.com/"),
        ],
    )
    def test_takes_in(self, scope: str, uri: str) -> None:
        assert scope_matches(scope, uri)

    @pytest.mark.parametrize(
        ("scope", "uri"),
        [
            ("https://example.com", "https://example.com.evil.org/"),
            ("https://example.com", "https://example.comevil.org/"),
            ("https://example.com", "https://example.com@evil.org/"),
            ("https://example.com", "https://sub.example.com/"),
            ("https://example.com", "http://example.com/"),
            ("https://example.com", "https://example.com:8443/"),
            ("https://example.com/a", "https://example.com.evil.org/a"),
            ("https://example.com/a", "https://example.com/ab"),
            ("https://example.com/a", "https://example.com/A"),
            ("https://example.com/a", "https://example.com/"),
            ("https://example.com/a", "https://example.com/a/../b"),
            ("https://example.com/a", "https://example.com/a/%2e%2E/b"),
            ("https://example.com/a", "https://example.com/b?/a"),
            ("https://evil.org", "https://example.com\\@evil.org/"),
            ("https://example.com", "urn:x-pdf:a"),
            ("https://example.com", "https://example.com:port/"),
            ("https://example.com", ""),
            ("", "https://example.com"),
            ("", ""),
        ],
    )
    def test_leaves_out(self, scope: str, uri: str) -> None:
        assert not scope_matches(scope, uri)

    @given(st.text(st.characters(exclude_categories=[])), st.text(st.characters(exclude_categories=[])))
    def test_never_raises(self, scope: str, uri: str) -> None:
        assert scope_matches(scope, f"http://{uri}") in {True, False}
