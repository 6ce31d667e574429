"""The query language of the parameter `any`, parsed into a small tree that every backend compiles.

Words stand for themselves and must all be found. `|` means "or", `-` before a word, a phrase or a group "without",
`"…"` a phrase, a `*` at the end of a word "begins with", parentheses group, and `+` is the "and" that a space means
anyway. Operators apply from left to right, none before the other: `a b | c` is `(a b) | c`. A backslash makes the next
character an ordinary one.

Every text is a query: a `"` or a `)` without a partner, an operator without operands and parentheses nested too deeply
are passed over, an open `(` ends with the text. The similarity operators `word~2` and `"phrase"~3` are read and
have no effect.

Source: specification of the API, section 1.10 (Elasticsearch's `simple_query_string` with AND as default).
"""

import re
from dataclasses import dataclass
from typing import Final

DEEPEST_GROUP: Final = 20
"""Parentheses inside more than this many others are passed over."""

_WORD: Final = re.compile(r'(?:\\.|[^\s"|+()\\])+', re.DOTALL)
_PHRASE: Final = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_SIMILARITY: Final = re.compile(r"~[0-9]*")
_SIMILARITY_AT_END: Final = re.compile(r"(?<!\\)~[0-9]*\Z")
_PREFIX: Final = re.compile(r"(?<!\\)\*+\Z")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or several that folding finds in it; they have to be neighbours.

    Attributes:
        text: As written, without operators; may hold nothing that can be searched for.
        prefix: Whether the last word may go on.
    """

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Without:
    """Whatever `node` does not match."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class AllOf:
    """What every node matches; at least two."""

    nodes: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What one of the nodes matches; at least two."""

    nodes: "tuple[Node, ...]"


Node = Term | Without | AllOf | AnyOf


def parse(text: str) -> Node | None:
    """Return the query that a text means, or None when it asks for nothing."""
    return _Parser(text).group(depth=0)


class _Parser:
    """Reads a text once, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def group(self, *, depth: int) -> Node | None:
        """Read up to the parenthesis that closes the group, or to the end."""
        found: Node | None = None
        either = negated = False
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == ")":
                self._at += 1
                if depth:
                    return found
            elif character == "-":
                self._at += 1
                negated = not negated
                continue  # only a `-` right before its operand counts
            elif character in "|+":
                self._at += 1
                either = character == "|"
            elif (node := self._operand(character, depth)) is not None:
                found = _combine(found, Without(node) if negated else node, either=either)
                either = False
            negated = False
        return found

    def _operand(self, character: str, depth: int) -> Node | None:
        """Read a group, a phrase or a word; None if there is none, in which case something was passed over."""
        if character == "(":
            self._at += 1
            return self.group(depth=depth + 1) if depth < DEEPEST_GROUP else None
        if match := _PHRASE.match(self._text, self._at):
            self._at = match.end()
            if similarity := _SIMILARITY.match(self._text, self._at):
                self._at = similarity.end()
            return Term(_unescape(match[1]))
        if match := _WORD.match(self._text, self._at):
            self._at = match.end()
            word = _SIMILARITY_AT_END.sub("", match[0])
            stem = _PREFIX.sub("", word)
            return Term(_unescape(stem), prefix=stem != word)
        self._at += 1
        return None


def _combine(left: Node | None, right: Node, *, either: bool) -> Node:
    if left is None:
        return right
    kind = AnyOf if either else AllOf
    return kind((*left.nodes, right)) if isinstance(left, kind) else kind((left, right))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
