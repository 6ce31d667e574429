"""The words of an annotation as a tsvector, which the indexer stores and searches look into.

Weights tell the field: A quote, B tags, C text, D URI parts. Each text of a field begins a gap after the one before,
so that no phrase reaches from one into the next. PostgreSQL limits a tsvector, and this is what gives way:

- Positions end at 16 383. Tags, quotes and text have their own last position; the words after it are found,
  but not as part of a phrase.
- A word has at most 255 positions. Each field has its share of them; a phrase is not found at a place where one of its
  words is repeated more often than that.
- The whole stays below 1 MB: what would go beyond is left out.

Source: PostgreSQL's manual, section 12.11, "Limitations".
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from hcommon.search.folding import Token, index_tokens, uri_parts

GAP: Final = 10
"""Positions between two texts; more than the largest distance between neighbours in a query, which is 2."""

MOST_BYTES: Final = 1_000_000
_BYTES_A_WORD: Final = 4
_BYTES_A_POSITION: Final = 2


class Field(NamedTuple):
    """Where one field's words go."""

    weight: str
    last_position: int
    positions_a_word: int


QUOTE: Final = Field("A", 8_000, 64)
TAGS: Final = Field("B", 2_000, 32)
TEXT: Final = Field("C", 16_383, 158)
URI: Final = Field("D", 1, 1)


def words_of(*, quotes: Sequence[str], tags: Sequence[str], text: str, target_uri: str) -> str:
    """Return the literal of the tsvector of an annotation with these texts."""
    words = _Words()
    # What comes first keeps its place when there is too much.
    words.add(URI, [[(part, 1) for part in uri_parts(target_uri)]])
    words.add(TAGS, map(index_tokens, tags))
    words.add(QUOTE, map(index_tokens, quotes))
    words.add(TEXT, [index_tokens(text)])
    return words.literal()


class _Words:
    """Words and positions gathered so far."""

    def __init__(self) -> None:
        self._positions: dict[str, list[str]] = {}
        self._bytes = 0
        self._end = 0

    def add(self, field: Field, texts: Iterable[Sequence[Token]]) -> None:
        """Add the texts of one field, each a gap behind the one before."""
        taken: Counter[str] = Counter()
        for tokens in texts:
            start = self._end
            for word, offset in tokens:
                if taken[word] < field.positions_a_word:
                    position = min(start + offset, field.last_position)
                    taken[word] += self._take(word, f"{position}{field.weight}")
            if tokens:
                self._end = min(start + tokens[-1][1], field.last_position) + GAP

    def _take(self, word: str, position: str) -> bool:
        """Note one more position of a word, if there is room; tell whether it is new."""
        positions = self._positions.get(word)
        size = _BYTES_A_POSITION
        if positions is None:
            size += len(word.encode()) + _BYTES_A_WORD
        elif positions[-1] == position:
            return False  # all words behind a field's last position share it
        if self._bytes + size > MOST_BYTES:
            return False
        self._bytes += size
        self._positions.setdefault(word, []).append(position)
        return True

    def literal(self) -> str:
        """Return the tsvector as PostgreSQL reads it."""
        return " ".join([f"{quoted(word)}:{','.join(at)}" for word, at in self._positions.items()])


def quoted(word: str) -> str:
    """Return a word as a lexeme in the text of a tsvector or a tsquery."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
