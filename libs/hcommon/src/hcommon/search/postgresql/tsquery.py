"""The words of a search as a tsquery.

A word as people write it, up to the next space, may be several when folded (`don't`, `co-operate`, a run of Chinese):
those have to be neighbours. URI parts have no order, so there all of a term's parts must be present.
What holds nothing that can be searched for (punctuation, say) is passed over beside other words; a value of `tags`,
`text`, `quote` or `uri_parts` that holds nothing else, and such an `any`, match nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hcommon.search.backend import TooManyWordsError
from hcommon.search.folding import query_tokens, uri_parts
from hcommon.search.postgresql.words import QUOTE, TAGS, TEXT, URI, quoted
from hcommon.search.query import SearchQuery
from hcommon.search.simple_query import AllOf, AnyOf, Node, Term, Without, parse

MOST_WORDS: Final = 1_000
"""A search with more words is refused."""

_ANYWHERE: Final = QUOTE.weight + TAGS.weight + TEXT.weight


def compile_words(query: SearchQuery) -> str | None:
    """Return the tsquery for all words of a search; empty when it has none, None when they can match nothing.

    Raises:
        TooManyWordsError: There are more than `MOST_WORDS`.
    """
    check_length(query)
    required: list[str | None] = []
    for weight, values, operator in (
        (TAGS.weight, query.tags, "&"),
        (TEXT.weight, query.text, "|"),
        (QUOTE.weight, query.quote, "|"),
    ):
        required += [_join(operator, [_neighbours(word, weight) for word in value.split()]) for value in values]
    required += [_parts(value) for value in query.uri_parts]
    if query.any:
        tree = parse(" ".join(query.any))
        required.append(_compile(tree) if tree else None)
    return (_join("&", required) or "") if all(required) else None


def check_length(query: SearchQuery) -> None:
    """Refuse a search that is too long.

    Raises:
        TooManyWordsError: It has more than `MOST_WORDS`.
    """
    words = sum(len(query_tokens(text)) for text in (*query.tags, *query.text, *query.quote, *query.any))
    parts = sum(len(uri_parts(text)) for text in (*query.uri_parts, *query.any))
    if max(words, parts) > MOST_WORDS:
        raise TooManyWordsError(f"A search has at most {MOST_WORDS} words.")


def _compile(node: Node) -> str | None:
    match node:
        case Term():
            return _anywhere(node)
        case Without():
            inner = _compile(node.node)
            return f"!{inner}" if inner else None
        case AllOf():
            return _join("&", map(_compile, node.nodes))
        case AnyOf():
            return _join("|", map(_compile, node.nodes))


def _anywhere(term: Term) -> str | None:
    words = _neighbours(term.text, _ANYWHERE, prefix=term.prefix)
    return words and _join("|", [words, _parts(term.text, prefix=term.prefix)])


def _neighbours(text: str, weights: str, *, prefix: bool = False) -> str | None:
    tokens = query_tokens(text)
    if not tokens:
        return None
    last = len(tokens) - 1
    pieces = []
    before = None
    for index, (word, position) in enumerate(tokens):
        if before is not None:
            pieces.append(f"<{position - before}>")
        pieces.append(_lexeme(word, weights, prefix=prefix and index == last))
        before = position
    return _group(" ".join(pieces), len(tokens))


def _parts(text: str, *, prefix: bool = False) -> str | None:
    parts = uri_parts(text)
    last = len(parts) - 1
    return _join("&", [_lexeme(part, URI.weight, prefix=prefix and at == last) for at, part in enumerate(parts)])


def _lexeme(word: str, weights: str, *, prefix: bool) -> str:
    return f"{quoted(word)}:{'*' if prefix else ''}{weights}"


def _join(operator: str, expressions: Iterable[str | None]) -> str | None:
    found: Sequence[str] = [expression for expression in expressions if expression]
    return _group(f" {operator} ".join(found), len(found)) if found else None


def _group(expression: str, size: int) -> str:
    return f"({expression})" if size > 1 else expression
