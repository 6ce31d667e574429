"""The words of a search as Elasticsearch queries.

The rules are those of `postgresql.tsquery`: a term of several words is a phrase, URI parts have no order, and what
holds nothing that can be searched for is passed over beside other words. `mapping` says what the index holds.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from hcommon.search.backend import TooManyWordsError
from hcommon.search.elasticsearch.mapping import fitting
from hcommon.search.folding import Token, is_run_character, query_tokens, uri_parts
from hcommon.search.postgresql.tsquery import check_length
from hcommon.search.query import SearchQuery
from hcommon.search.simple_query import AllOf, AnyOf, Node, Term, Without, parse

Clause = dict[str, Any]

MOST_LEVELS: Final = 28
"""Elasticsearch takes 30 levels of queries; one is around all filters, one is kept."""

_FIELDS: Final = ("quote", "tags", "text")


def compile_words(query: SearchQuery) -> list[Clause] | None:
    """Return filters for all words of a search; None when they can match nothing.

    Raises:
        TooManyWordsError: There are too many, or `any` has too many alternatives inside one another.
    """
    check_length(query)
    required: list[Clause | None] = []
    for field, values, combine in (
        ("tags", query.tags, every),
        ("text", query.text, some),
        ("quote", query.quote, some),
    ):
        required += [combine([_in_field(word, field) for word in value.split()]) for value in values]
    required += [_parts(value) for value in query.uri_parts]
    if query.any:
        tree = parse(" ".join(query.any))
        compiled = _compile(tree) if tree else None
        if compiled and _levels(compiled) > MOST_LEVELS:
            raise TooManyWordsError("A search has fewer alternatives inside one another.")
        required.append(compiled)
    found = [clause for clause in required if clause]
    return found if len(found) == len(required) else None


def every(clauses: Iterable[Clause | None]) -> Clause | None:
    """Return what all clauses match that there are; None without any."""
    found = [clause for clause in clauses if clause]
    if len(found) < 2:  # noqa: PLR2004 - one needs nothing around it
        return found[0] if found else None
    excluded = [clause["bool"]["must_not"] for clause in found if _is_exclusion(clause)]
    included = [clause for clause in found if not _is_exclusion(clause)]
    return {"bool": {"filter": included, "must_not": excluded}}


def some(clauses: Iterable[Clause | None]) -> Clause | None:
    """Return what one of the clauses matches that there are; None without any."""
    found = [clause for clause in clauses if clause]
    if len(found) < 2:  # noqa: PLR2004 - one needs nothing around it
        return found[0] if found else None
    return {"bool": {"should": found, "minimum_should_match": 1}}


def _is_exclusion(clause: Clause) -> bool:
    return clause.keys() == {"bool"} and clause["bool"].keys() == {"must_not"}


def _compile(node: Node) -> Clause | None:
    match node:
        case Term():
            return _anywhere(node)
        case Without():
            inner = _compile(node.node)
            return inner and {"bool": {"must_not": inner}}
        case AllOf():
            return every(map(_compile, node.nodes))
        case AnyOf():
            return some(map(_compile, node.nodes))


def _anywhere(term: Term) -> Clause | None:
    clauses = [_in_field(term.text, field, prefix=term.prefix) for field in _FIELDS]
    return some([*clauses, _parts(term.text, prefix=term.prefix)]) if any(clauses) else None


def _parts(text: str, *, prefix: bool = False) -> Clause | None:
    parts = uri_parts(text)
    last = len(parts) - 1
    return every([_word("uri_parts", part, prefix=prefix and at == last) for at, part in enumerate(parts)])


def _word(field: str, word: str, *, prefix: bool) -> Clause:
    return {"prefix" if prefix else "term": {field: word}}


def _in_field(text: str, field: str, *, prefix: bool = False) -> Clause | None:
    """Return the words of a text as neighbours in one field."""
    tokens = [(fitting(word), position) for word, position in query_tokens(text)]
    if not tokens:
        return None
    last = len(tokens) - 1
    # A character of a run is indexed as what begins with it.
    open_ended = [is_run_character(word) or (prefix and at == last) for at, (word, _) in enumerate(tokens)]
    if len(tokens) == 1:
        return _word(field, tokens[0][0], prefix=open_ended[0])
    if any(open_ended) or tokens[-1][1] - tokens[0][1] > last:
        return _spans(field, tokens, open_ended)
    return {"match_phrase": {field: {"query": " ".join([word for word, _ in tokens]), "analyzer": "whitespace"}}}


def _spans(field: str, tokens: Sequence[Token], open_ended: Sequence[bool]) -> Clause:
    """Return a phrase that has gaps, or words of which only the beginning is known."""
    clauses: list[Clause] = []
    expected = tokens[0][1]
    for (word, position), is_open in zip(tokens, open_ended, strict=True):
        if position > expected:
            clauses.append({"span_gap": {field: position - expected}})
        if is_open:
            clauses.append({"span_multi": {"match": {"prefix": {field: word}}}})
        else:
            clauses.append({"span_term": {field: word}})
        expected = position + 1
    return {"span_near": {"clauses": clauses, "slop": 0, "in_order": True}}


def _levels(clause: Clause) -> int:
    """Return how many queries are inside one another."""
    if "bool" not in clause:
        return 2 if "span_near" in clause else 1
    inner: list[Clause] = []
    for value in clause["bool"].values():
        inner += value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    return 1 + max(map(_levels, inner))
