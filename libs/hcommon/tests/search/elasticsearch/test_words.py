"""Words of a search as Elasticsearch queries; what they find is compared with PostgreSQL elsewhere."""

from typing import Any

import pytest
from hcommon.search.backend import TooManyWordsError
from hcommon.search.elasticsearch.words import compile_words
from hcommon.search.query import SearchQuery


def phrase(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {"span_near": {"clauses": list(clauses), "slop": 0, "in_order": True}}


class TestFieldsOfWords:
    @pytest.mark.parametrize(
        ("text", "clause"),
        [
            ("Sea", {"term": {"tags": "sea"}}),
            ("don't", {"match_phrase": {"tags": {"query": "don t", "analyzer": "whitespace"}}}),
            ("日本語", {"match_phrase": {"tags": {"query": "日本 本語", "analyzer": "whitespace"}}}),
            ("本", {"prefix": {"tags": "本"}}),
            ("日本x", phrase({"span_term": {"tags": "日本"}}, {"span_gap": {"tags": 1}}, {"span_term": {"tags": "x"}})),
            ("x本", phrase({"span_term": {"tags": "x"}}, {"span_multi": {"match": {"prefix": {"tags": "本"}}}})),
        ],
    )
    def test_a_term(self, text: str, clause: dict[str, Any]) -> None:
        assert compile_words(SearchQuery(tags=(text,))) == [clause]

    def test_punctuation_is_passed_over_beside_words_and_matches_nothing_alone(self) -> None:
        assert compile_words(SearchQuery(tags=("sea !!",))) == [{"term": {"tags": "sea"}}]
        assert compile_words(SearchQuery(tags=("sea", "!!"))) is None
        assert compile_words(SearchQuery(any=("!!",))) is None
        assert compile_words(SearchQuery(any=("",))) is None

    def test_a_search_without_words_asks_for_none(self) -> None:
        assert compile_words(SearchQuery()) == []


class TestLimits:
    def test_too_many_words_are_refused(self) -> None:
        with pytest.raises(TooManyWordsError):
            compile_words(SearchQuery(any=("a " * 1_001,)))

    def test_so_are_alternatives_too_deep_inside_one_another(self) -> None:
        assert compile_words(SearchQuery(any=("a b | c " * 12,)))
        with pytest.raises(TooManyWordsError):
            compile_words(SearchQuery(any=("a b | c " * 20,)))
