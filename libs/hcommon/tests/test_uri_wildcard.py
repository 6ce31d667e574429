"""A wildcard search matches the pages a reader of the pattern expects, and databases are asked the same."""

import re
import time

import pytest
from hcommon.uri import InvalidURIError, WildcardURI, normalize, parse_wildcard
from hypothesis import assume, given
from hypothesis import strategies as st

SUBJECTS = [
    "http://example.com/", "http://example.com/a", "http://example.com/a/", "http://example.com/a/b",
    "http://example.com/ab", "http://example.com/a?x=1", "http://example.com/a/?x=1", "http://example.com/a#x",
    "http://example.com/?x=1", "https://example.com.evil.org/a", "http://example.com:8080/a",
    "http://example.com/100%25", "http://example.com/100x25", "http://example.com/a_b", "http://example.com/a%C3%A9",
    "http://example.com/a\\b", "urn:x-pdf:abc", "urn:x-pdf:abd", "urn:x\\y?z", "file:///home/x.pdf", "file:///home",
]  # fmt: skip


def like(pattern: str, text: str) -> bool:
    """Match as PostgreSQL's LIKE does."""
    regex = ""
    characters = iter(pattern)
    for character in characters:
        match character:
            case "\\":
                regex += re.escape(next(characters))
            case "%":
                regex += ".*"
            case "_":
                regex += "."
            case _:
                regex += re.escape(character)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def elasticsearch(pattern: str, text: str) -> bool:
    """Match as Elasticsearch's wildcard query does."""
    translated = {"*": "%", "?": "_", "%": r"\%", "_": r"\_"}
    pieces = re.findall(r"\\.|[^\\]", pattern, re.DOTALL)
    return like("".join(translated.get(piece, piece) for piece in pieces), text)


class TestMatches:
    @pytest.mark.parametrize(
        ("wildcard", "uri"),
        [
            ("http://example.com/*", "http://example.com/a/b?c=d#e"),
            ("http://example.com/*", "https://example.com/a"),
            ("http://example.com/*", "http://example.com"),
            ("http://example.com/*", "http://example.com/?a=1"),
            ("http://example.com/a/*", "http://example.com/a"),
            ("http://example.com/a/*", "http://example.com/a/"),
            ("http://example.com/a/*", "http://example.com/a?x"),
            ("http://example.com/a/**", "http://example.com/a/b"),
            ("http://example.com/a*", "http://example.com/abc"),
            ("http://example.com/*/c", "http://example.com/a/b/c"),
            ("http://example.com/_/c", "http://example.com/b/c"),
            ("http://example.com/a_c", "http://example.com/a_c"),
            ("http://example.com/a_c/*", "http://example.com/abc"),
            ("http://EXAMPLE.com:80/*#top", "http://example.com/a"),
            ("http://example.com/?b=*&a=1", "http://example.com/?a=1&b=2"),
            ("http://example.com/?*", "http://example.com/?a=1&b=2"),
            ("http://example.com/?utm_source=*", "http://example.com/"),
            ("http://example.com/100%25*", "http://example.com/100%25x"),
            ("http://example.com/caf*", "http://example.com/café"),
            ("http://[::1]:8080/*", "http://[::1]:8080/a"),
            ("urn:x-pdf:*", "urn:x-pdf:abc"),
            ("file:///home/*", "file:///home/x.pdf"),
            ("https://via.hypothes.is/http://a.com/*", "http://a.com/x"),
        ],
    )
    def test_matches(self, wildcard: str, uri: str) -> None:
        assert parse_wildcard(wildcard).matches(normalize(uri))

    @pytest.mark.parametrize(
        ("wildcard", "uri"),
        [
            ("http://example.com/*", "http://example.com.evil.org/"),
            ("http://example.com/*", "http://example.com:8080/"),
            ("http://example.com/a/*", "http://example.com/ab"),
            ("http://example.com/a/*", "http://example.com/"),
            ("http://example.com/a_*", "http://example.com/a"),
            ("http://example.com/_", "http://example.com/"),
            ("http://example.com/_", "http://example.com/ab"),
            ("http://example.com/_", "http://example.com/é"),
            ("http://example.com/100%25*", "http://example.com/100x25"),
            ("http://example.com/a.c*", "http://example.com/abc"),
            ("http://example.com/*?x=1", "http://example.com/ax=1"),
            ("http://example.com/*/c", "http://example.com/a/b/d"),
            ("file:///home/*", "file:///homes"),
        ],
    )
    def test_does_not_match(self, wildcard: str, uri: str) -> None:
        assert not parse_wildcard(wildcard).matches(normalize(uri))

    def test_many_wildcards_take_no_exponential_time(self) -> None:
        started = time.process_time()
        assert not parse_wildcard("http://example.com/" + "*a" * 25 + "*b").matches("httpx://example.com/" + "a" * 5000)
        assert time.process_time() - started < 5


class TestDatabasePatterns:
    def test_like_escapes_what_is_no_wildcard(self) -> None:
        assert WildcardURI(pattern=r"urn:a\b%c_d*").to_like() == [r"urn:a\\b\%c_d%"]

    def test_elasticsearch_escapes_what_is_no_wildcard(self) -> None:
        assert WildcardURI(pattern=r"httpx://x?a\b=_*").to_elasticsearch() == [r"httpx://x\?a\\b=?*"]

    def test_a_trailing_star_asks_for_the_parent_too(self) -> None:
        wildcard = parse_wildcard("http://example.com/a/*")
        assert wildcard.to_like() == ["httpx://example.com/a", "httpx://example.com/a/%", "httpx://example.com/a?%"]
        assert wildcard.to_elasticsearch() == [
            "httpx://example.com/a",
            "httpx://example.com/a/*",
            r"httpx://example.com/a\?*",
        ]

    def test_a_trailing_star_in_the_query_has_no_parent(self) -> None:
        assert parse_wildcard("http://example.com/?a/*").to_like() == ["httpx://example.com?a/%"]

    def test_a_run_of_stars_is_asked_for_as_one(self) -> None:
        assert parse_wildcard("http://example.com/a***/b**").to_like() == ["httpx://example.com/a%/b%"]

    @given(
        st.one_of(
            st.text(alphabet="ab/*_%\\?=&é ", max_size=12).map(lambda text: f"http://example.com/{text}"),
            st.text(alphabet="abcdx-pdf:*_\\?", max_size=12).map(lambda text: f"urn:{text}"),
        ),
        st.one_of(
            st.sampled_from(SUBJECTS),
            st.text(alphabet="ab/_*%\\?=&", max_size=8).map(lambda text: f"http://example.com/{text}"),
        ),
    )
    def test_agree_with_matches(self, uri: str, subject: str) -> None:
        assume("*" in uri or "_" in uri)
        wildcard, normal = parse_wildcard(uri), normalize(subject)
        expected = wildcard.matches(normal)
        assert any(like(pattern, normal) for pattern in wildcard.to_like()) is expected
        assert any(elasticsearch(pattern, normal) for pattern in wildcard.to_elasticsearch()) is expected

    @given(st.text(alphabet="ab/_*%?=&é.~", max_size=12))
    def test_a_uri_matches_itself_read_as_a_pattern(self, text: str) -> None:
        uri = f"http://example.com/{text}"
        assume("*" in uri or "_" in uri)
        assert parse_wildcard(uri).matches(normalize(uri))


class TestRefuses:
    @pytest.mark.parametrize(
        ("uri", "reason"),
        [
            ("", r"contains \* or _"),
            ("http://example.com/", r"contains \* or _"),
            ("example.com/*", "scheme"),
            ("*", "scheme"),
            ("//example.com/*", "scheme"),
            ("ht*p://example.com/", "scheme"),
            ("h_tp://example.com/", "scheme"),
            ("http*://example.com/", "scheme"),
            ("http://*.example.com/", "host"),
            ("http://my_host/", "host"),
            ("http://example.com*", "host"),
            ("http://*", "host"),
            ("chrome-extension://*/x", "host"),
            ("https://via.hypothes.is/http://*/", "host"),
            ("http://example.com:*/", "port"),
            ("http://example.com:99999/*", "port"),
            ("http://[::1/*", "host"),
            ("http://example.com/*\x00", "characters"),
            ("http://example.com/*\ud800", "characters"),
        ],
    )
    def test_with_a_reason(self, uri: str, reason: str) -> None:
        with pytest.raises(InvalidURIError, match=reason):
            parse_wildcard(uri)

    @given(st.text(st.characters(exclude_categories=[])).map(lambda text: f"http://{text}*"))
    def test_nothing_but_an_invalid_uri_error_is_raised(self, uri: str) -> None:
        try:
            wildcard = parse_wildcard(uri)
        except InvalidURIError:
            return
        assert wildcard.to_like()
        assert not wildcard.matches("")
