"""What clients may ask for."""

from collections.abc import Mapping
from typing import Any

import pytest
from hcommon.ids import annotation_id_to_urlsafe, new_annotation_id
from hcommon.testing.clock import START
from hcommon.uri import normalize, uri_hash
from hwebsocket.filters import ALL_VERSIONS, MOST_VALUES, Filter, InvalidFilterError, Page, parse_filter

NOTHING = Filter(pages={}, ids=frozenset(), references=frozenset(), groups=frozenset())


def form(*clauses: Any, **changes: Any) -> dict[str, Any]:
    actions = {"create": True, "update": True, "delete": True}
    return {"match_policy": "include_any", "clauses": list(clauses), "actions": actions} | changes


def clause(field: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": "one_of", "value": value, "case_sensitive": False}


def pages(*texts: str) -> Mapping[Page, frozenset[str]]:
    return parse_filter(form(clause("/uri", list(texts)))).pages


def page(text: str, version: int = 0) -> Page:
    return Page(uri_hash(normalize(text)), version)


class TestPages:
    def test_are_compared_by_their_normal_form(self) -> None:
        spellings = {"HTTP://Example.com:80/a/?utm_source=x#top", "https://example.com/a"}
        assert pages(*spellings) == {Page(uri_hash("httpx://example.com/a"), 0): spellings}

    def test_without_suffix_mean_unversioned(self) -> None:
        assert pages("https://a.com/x").keys() == {page("https://a.com/x", 0)}

    def test_take_versions_as_suffixes(self) -> None:
        found = pages("https://a.com/x:v0:v2")
        assert found == {page("https://a.com/x", version): {"https://a.com/x"} for version in (0, 2)}

    def test_take_all_versions(self) -> None:
        assert pages("https://a.com/x:all:v3").keys() == {page("https://a.com/x", ALL_VERSIONS)}

    @pytest.mark.parametrize("invalid", ["http://[::1", "http://a.com:99999/", "http://a\x00b"])
    def test_that_cannot_be_match_nothing_and_break_nothing(self, invalid: str) -> None:
        assert pages(invalid, "https://a.com/x").keys() == {page("https://a.com/x")}

    def test_may_be_one_text_instead_of_a_list(self) -> None:
        assert parse_filter(form(clause("/uri", "urn:x-pdf:abc"))).pages.keys() == {page("urn:x-pdf:abc")}


class TestOtherFields:
    def test_ids_and_references_are_ids_of_annotations(self) -> None:
        first, second = new_annotation_id(now=START), new_annotation_id(now=START)
        wanted = parse_filter(
            form(
                clause("/id", annotation_id_to_urlsafe(first)),
                clause("/references", annotation_id_to_urlsafe(second)),
            )
        )
        assert wanted.ids == {first}
        assert wanted.references == {second}

    def test_text_that_is_no_id_matches_nothing(self) -> None:
        assert parse_filter(form(clause("/id", ["no id"]), clause("/references", "x" * 22 + "="))) == NOTHING

    def test_groups_are_pubids(self) -> None:
        assert parse_filter(form(clause("/group", ["__world__", "abc"]))).groups == {"__world__", "abc"}

    @pytest.mark.parametrize(
        "odd",
        [
            None,
            17,
            "text",
            [],
            {},
            {"field": "/uri"},
            {"value": "x"},
            {"field": 3, "value": "x"},
            {"field": "/uri", "value": None},
            {"field": "/uri", "value": {"a": 1}},
            {"field": "/group", "value": [1, None, ["x"]]},
            {"field": "/text", "value": "x"},
        ],
    )
    def test_odd_clauses_match_nothing(self, odd: Any) -> None:
        assert parse_filter(form(odd)) == NOTHING


class TestForm:
    @pytest.mark.parametrize(
        "wrong",
        [
            None,
            "x",
            [],
            {},
            form(match_policy="include_all"),
            form(match_policy=None),
            form(clauses={}),
            form(clauses=None),
            form(actions=None),
            form(actions=[]),
            form(actions={"create": "yes"}),
            {"match_policy": "include_any", "clauses": []},
        ],
    )
    def test_a_wrong_outer_form_is_refused(self, wrong: Any) -> None:
        with pytest.raises(InvalidFilterError):
            parse_filter(wrong)

    def test_actions_may_be_left_out_singly(self) -> None:
        assert parse_filter(form(actions={"delete": False})) == NOTHING

    def test_too_many_values_are_refused(self) -> None:
        most = [f"https://a.com/{number}" for number in range(MOST_VALUES)]
        assert len(parse_filter(form(clause("/uri", most))).pages) == MOST_VALUES
        with pytest.raises(InvalidFilterError, match="at most 500"):
            parse_filter(form(clause("/uri", most), clause("/group", "one more")))
