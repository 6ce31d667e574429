"""Query parameters to a search."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.search.query import Cursor, SearchQuery, SortKey, UserTerm
from hcommon.uri import VersionedURI, WildcardURI
from hweb.search.parser import InvalidSearchError, parse_search
from hypothesis import given
from hypothesis import strategies as st

ID = UUID("01920000-0000-7000-8000-000000000001")
NAMES = [
    "limit", "offset", "sort", "order", "search_after", "cursor", "uri", "url", "wildcard_uri", "uri.parts", "user",
    "group", "tag", "tags", "text", "quote", "any", "references", "_separate_replies", "other",
]  # fmt: skip


def parse(*parameters: tuple[str, str]) -> SearchQuery:
    return parse_search(parameters).query


def problems(*parameters: tuple[str, str]) -> list[str]:
    with pytest.raises(InvalidSearchError) as raised:
        parse_search(parameters)
    return raised.value.reason.split("\n")


class TestDefaults:
    def test_nothing_asks_for_the_last_twenty(self) -> None:
        asked = parse_search([])
        assert asked.query == SearchQuery(sort=SortKey.UPDATED, descending=True, limit=20, offset=0)
        assert not asked.separate_replies

    def test_unknown_parameters_are_ignored(self) -> None:
        assert parse(("view", "x"), ("id", "y"), ("hidden", "1"), ("", "z")) == SearchQuery()


class TestPages:
    def test_limit_offset_and_order(self) -> None:
        found = parse(("limit", "200"), ("offset", "9800"), ("sort", "created"), ("order", "asc"))
        assert found == SearchQuery(sort=SortKey.CREATED, descending=False, limit=200, offset=9800)

    def test_the_last_of_several_counts(self) -> None:
        assert parse(("limit", "1"), ("limit", "007"), ("sort", "id"), ("sort", "user")) == SearchQuery(
            limit=7, sort=SortKey.USER
        )

    @pytest.mark.parametrize("text", ["201", "-1", "", "ten", "1.5", "1e2", "9" * 5000, "٣", "²", "+", "0x1"])
    def test_other_limits_are_refused(self, text: str) -> None:
        assert problems(("limit", text)) == ["limit: must be a whole number from 0 to 200"]

    def test_an_offset_too_far_is_refused(self) -> None:
        assert problems(("offset", "9801")) == ["offset: must be a whole number from 0 to 9800"]

    def test_other_orders_are_refused(self) -> None:
        assert problems(("sort", "name"), ("order", "up")) == [
            "sort: must be one of created, updated, group, id, user",
            "order: must be one of asc, desc",
        ]

    def test_threads_get_a_larger_default(self) -> None:
        reference = ("references", annotation_id_to_urlsafe(ID))
        assert parse(reference).limit == 200
        assert parse(reference, ("limit", "5")).limit == 5


class TestCursors:
    @pytest.mark.parametrize(
        "text", ["2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:04:05.678901 00:00", "1767323045678.901"]
    )
    def test_dates(self, text: str) -> None:
        found = parse(("search_after", text), ("offset", "40"))
        assert found.after == Cursor(datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
        assert found.offset == 0

    @pytest.mark.parametrize(
        ("sort", "text", "value"),
        [("id", annotation_id_to_urlsafe(ID), ID), ("group", "abc", "abc"), ("user", "acct:a@b", "acct:a@b")],
    )
    def test_other_sort_keys(self, sort: str, text: str, value: UUID | str) -> None:
        assert parse(("sort", sort), ("search_after", text)).after == Cursor(value)

    def test_what_is_none_is_refused(self) -> None:
        assert problems(("search_after", "soon")) == ["search_after: must be a date, or milliseconds since 1970"]
        assert problems(("sort", "id"), ("search_after", "x"))[0].startswith("search_after: ")


class TestURIs:
    def test_both_names_and_every_value_count(self) -> None:
        found = parse(("uri", "http://a.example/"), ("url", "b.example:v1"), ("uri", "urn:x:all"))
        assert found.uris == (
            VersionedURI("http://a.example/", frozenset({0}), all_versions=False),
            VersionedURI("http://b.example", frozenset({1}), all_versions=False),
            VersionedURI("urn:x", frozenset(), all_versions=True),
        )

    def test_a_port_is_no_scheme_to_be_added_to(self) -> None:
        assert parse(("uri", "localhost:5000/x")).uris[0].uri == "localhost:5000/x"

    @pytest.mark.parametrize("text", ["http://x:99999/", "http://[::1", "http://a\ufffd℀.example:port/"])
    def test_bad_ones_are_refused(self, text: str) -> None:
        (problem,) = problems(("uri", text))
        assert problem.startswith("uri: ")

    def test_wildcards(self) -> None:
        found = parse(("wildcard_uri", "http://a.example/*"), ("wildcard_uri", "http://b.example/_"))
        assert found.wildcard_uris == (WildcardURI("httpx://a.example/*"), WildcardURI("httpx://b.example/_"))

    @pytest.mark.parametrize("text", ["http://a.example/", "a.example/*", "http://*.example/", "*"])
    def test_bad_wildcards_are_refused(self, text: str) -> None:
        (problem,) = problems(("wildcard_uri", text))
        assert problem.startswith("wildcard_uri: ")

    def test_too_many_wildcards_are_refused(self) -> None:
        assert problems(*[("wildcard_uri", "http://a.example/*")] * 51) == [
            "wildcard_uri: may be given 50 times at most"
        ]


class TestUsers:
    @pytest.mark.parametrize(
        ("text", "term"),
        [
            ("Jane.Doe", UserTerm("janedoe")),
            ("acct:Jane.Doe@Example.org", UserTerm("janedoe", "example.org")),
            ("jane.doe@example.org", UserTerm("janedoe", "example.org")),
            (" jane ", UserTerm("jane")),
        ],
    )
    def test_every_spelling_of_a_name(self, text: str, term: UserTerm) -> None:
        assert parse(("user", text)).users == (term,)

    def test_the_last_one_counts(self) -> None:
        assert parse(("user", "one"), ("user", "two")).users == (UserTerm("two"),)

    @pytest.mark.parametrize("text", ["", " ", "@example.org", "acct:", "acct:@x", "jane@", "..."])
    def test_nobody_is_called_that(self, text: str) -> None:
        found = parse(("user", text))
        assert found.users == ()
        assert found.unmatchable


class TestGroups:
    def test_each_once(self) -> None:
        assert parse(("group", "a"), ("group", "group:x@y"), ("group", "a")).groups == ("a", "group:x@y")

    def test_an_empty_one_is_refused(self) -> None:
        assert problems(("group", "a"), ("group", "")) == ["group: must not be empty"]


class TestWords:
    def test_every_value_is_kept(self) -> None:
        found = parse(
            ("tag", "a b"), ("tags", "c"), ("text", "d"), ("text", ""), ("quote", "e"), ("any", "f"), ("any", "-g"),
            ("uri.parts", "h"),
        )  # fmt: skip
        assert (found.tags, found.text, found.quote) == (("a b", "c"), ("d", ""), ("e",))
        assert (found.any, found.uri_parts) == (("f", "-g"), ("h",))


class TestReplies:
    def test_references_are_ids(self) -> None:
        found = parse(("references", annotation_id_to_urlsafe(ID)))
        assert found.references == (ID,)
        assert not found.unmatchable

    def test_what_is_no_id_is_referred_to_by_nobody(self) -> None:
        found = parse(("references", annotation_id_to_urlsafe(ID)), ("references", "x"))
        assert found.unmatchable

    @pytest.mark.parametrize(
        ("text", "separate"),
        [("true", True), ("1", True), ("maybe", True), ("false", False), ("0", False), ("False", False), ("", False)],
    )
    def test_separate_replies(self, text: str, separate: bool) -> None:
        asked = parse_search([("_separate_replies", text)])
        assert asked.separate_replies is separate
        assert asked.query.top_level_only is separate


class TestProblems:
    def test_each_has_a_line(self) -> None:
        assert sorted(problems(("limit", "x"), ("group", ""), ("url", "http://x:y/"))) == [
            "group: must not be empty",
            "limit: must be a whole number from 0 to 200",
            "uri: The URI's host or port is not valid.",
        ]

    @pytest.mark.parametrize("name", NAMES)
    def test_nul_is_refused_everywhere(self, name: str) -> None:
        assert f"{name}: must not contain NUL characters" in problems((name, "a\x00b"))

    @given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=30)), max_size=8))
    def test_every_text_is_a_search_or_a_refusal(self, parameters: list[tuple[str, Any]]) -> None:
        with suppress(InvalidSearchError):
            parse_search(parameters)
