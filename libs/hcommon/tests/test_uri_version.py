"""Version suffixes are read from the end of a URI, and only there."""

import time

import pytest
from hcommon.uri import VersionedURI, parse_versioned
from hypothesis import given
from hypothesis import strategies as st


def versioned(uri: str, *versions: int) -> VersionedURI:
    return VersionedURI(uri=uri, versions=frozenset(versions), all_versions=not versions)


class TestParseVersioned:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("http://x", versioned("http://x", 0)),
            ("http://x:v0", versioned("http://x", 0)),
            ("http://x:v1", versioned("http://x", 1)),
            ("http://x:v1:v2", versioned("http://x", 1, 2)),
            ("http://x:v2:v1:v2", versioned("http://x", 1, 2)),
            ("http://x:v2:v0", versioned("http://x", 0, 2)),
            ("http://x:v2147483647", versioned("http://x", 2147483647)),
            ("http://x/?a=1#f:v3", versioned("http://x/?a=1#f", 3)),
            ("http://x:all", versioned("http://x")),
            ("http://x:all:v1", versioned("http://x")),
            ("http://x:v1:all", versioned("http://x")),
            ("doi:10.1/x:v2", versioned("doi:10.1/x", 2)),
            ("doi:10.1/x:v2:v0", versioned("doi:10.1/x", 0, 2)),
            ("example.com:all", versioned("example.com")),
        ],
    )
    def test_reads(self, text: str, expected: VersionedURI) -> None:
        assert parse_versioned(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "", ":v1", ":all", "v1", "all", "http://x:8080", "http://x:v", "http://x:v-1", "http://x:v01", "http://x:v1.0",
            "http://x:v2147483648", "http://x:v99999999999999", "http://x:V1", "http://x:ALL", "http://x:v1/", "http://x:v\uff11",
            "http://x:v1 ", "http://x:overall", "http://x:",
        ],
    )  # fmt: skip
    def test_leaves_alone(self, text: str) -> None:
        assert parse_versioned(text) == versioned(text, 0)

    @given(
        st.text().filter(lambda text: text and parse_versioned(text).uri == text),
        st.frozensets(st.integers(0, 2**31 - 1), min_size=1),
    )
    def test_reads_back_every_uri_and_versions(self, uri: str, versions: frozenset[int]) -> None:
        suffixes = "".join(f":v{version}" for version in versions)
        assert parse_versioned(uri + suffixes) == VersionedURI(uri=uri, versions=versions, all_versions=False)

    @given(st.text(st.characters(exclude_categories=[])))
    def test_never_raises(self, text: str) -> None:
        assert text.startswith(parse_versioned(text).uri)

    def test_a_long_run_of_suffixes_is_read_in_one_pass(self) -> None:
        started = time.process_time()
        assert parse_versioned("x" + ":v1" * 200_000).uri == "x"
        assert parse_versioned("x" + ":v1" * 200_000 + "x").versions == {0}
        assert time.process_time() - started < 5
