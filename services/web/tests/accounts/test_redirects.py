"""Where sign-in leads, whatever `next` says."""

from urllib.parse import urljoin, urlsplit

import pytest
from hweb.accounts.redirects import HOME, safe_next
from hypothesis import example, given
from hypothesis import strategies as st

APP_URL = "https://notes.example.org:8443"

_pieces = st.sampled_from(
    [
        "/",
        "//",
        "\\",
        "\t",
        "\r\n",
        " ",
        ":",
        "@",
        "?",
        "#",
        ".",
        "..",
        "https:",
        "http:",
        "javascript:",
        "data:",
        "evil.test",
        "notes.example.org",
        ":8443",
        APP_URL,
        "%2f",
        "%5c",
        "\x00",
        "[",
        "]",
        "\uff45vil.test",
        "\u3002",
        "\uff0f",
    ]
)
_targets = st.one_of(st.text(), st.lists(_pieces, max_size=8).map("".join))


def where_a_browser_goes(location: str) -> str:
    """Resolve as the URL standard does: tabs and newlines vanish, a backslash is a slash, spaces are cut off."""
    cleaned = location.strip("".join(map(chr, range(0x21))))
    cleaned = cleaned.translate({ord(c): None for c in "\t\r\n"}).replace("\\", "/")
    return urljoin(f"{APP_URL}/login", cleaned)


class TestSafeNext:
    @given(_targets)
    @example("//evil.test")
    @example("/\\evil.test")
    @example("/\t/evil.test")
    @example(f"{APP_URL}@evil.test/")
    @example(f"{APP_URL}//evil.test")
    @example("https://notes.example.org:8443.evil.test/")
    def test_stays_on_this_site(self, target: str) -> None:
        location = safe_next(target, app_url=APP_URL)
        assert location.startswith("/")
        assert not location.startswith("//")
        resolved = urlsplit(where_a_browser_goes(location))
        assert (resolved.scheme, resolved.netloc) == ("https", "notes.example.org:8443")

    @pytest.mark.parametrize("path", ["/", "/a", "/a?b=c", "/oauth/authorize?x=https%3A%2F%2Fother.test", "/ä"])
    def test_keeps_our_own_paths(self, path: str) -> None:
        assert safe_next(path, app_url=APP_URL) == path
        assert safe_next(APP_URL + path, app_url=APP_URL) == path

    def test_of_nothing_is_home(self) -> None:
        assert safe_next("", app_url=APP_URL) == HOME
        assert safe_next(APP_URL, app_url=APP_URL) == HOME
