"""How text becomes words: one fold and one tokeniser, used before indexing and before asking, by every backend.

A word is a run of letters, digits and marks; everything else separates, apostrophes, hyphens and underscores too. So
`l'homme` is found by `homme` and `Darwin's` by `darwin`, `_emphasis_` of Markdown is a word, and `don't` is
two words side by side: a term that gives several words is to be asked for as a phrase. An emoji is a word.

Scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have no words without a
dictionary. Their runs are indexed as every character and every pair of neighbours, and asked for as pairs, which finds
every part of a run. Korean is written with spaces.
"""

import re
import unicodedata
from itertools import count
from typing import Final
from urllib.parse import unquote

Token = tuple[str, int]
"""A word and its position, counted from 1: neighbours in the text differ by 1."""

LONGEST_TOKEN: Final = 255
"""Characters; longer words are cut to this, in texts and in questions alike."""

# Letters that Unicode doesn't take apart but readers type without their stroke or dot, and letters that Arabic
# and Persian keyboards write differently.
_LETTERS: Final = {
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
    "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ی": "ي", "ى": "ي", "ک": "ك", "ـ": None,
}  # fmt: skip

_FIRST_COMBINING: Final = 0x0300
_END_OF_BASIC_PLANE: Final = 0x10000
_VARIATION_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_COMBINING_GRAPHEME_JOINER: Final = 0x034F
_KANA_VOICING: Final = 8
_VIRAMA: Final = 9
_INDIC_AND_THAI_SIGNS: Final = range(84, 133)


def _stays(combining_class: int) -> bool:
    """Tell whether a combining mark spells another letter, instead of decorating one.

    Class 0 has the vowel signs of India, 8 turns か into が, 9 joins consonants, 84 to 132 has vowels and
    tones of Telugu, Thai, Lao and Tibetan.
    """
    return combining_class in {0, _KANA_VOICING, _VIRAMA} or combining_class in _INDIC_AND_THAI_SIGNS


class _Replacements(dict[int, str | int | None]):
    """Table for `str.translate` that works out a character's replacement when it first meets it.

    Only those of the basic plane are kept, so it stays small whatever texts come.
    """

    def __missing__(self, code: int) -> str | int | None:
        replacement = self._replacement(code)
        if code < _END_OF_BASIC_PLANE:
            self[code] = replacement
        return replacement

    @staticmethod
    def _replacement(code: int) -> str | int | None:
        character = chr(code)
        if character in _LETTERS:
            return _LETTERS[character]
        if code < _FIRST_COMBINING and code != ord("\N{SOFT HYPHEN}"):
            return code
        match unicodedata.category(character):
            case "Mn" | "Mc":
                dropped = (
                    not _stays(unicodedata.combining(character))
                    or code == _COMBINING_GRAPHEME_JOINER
                    or any(code in selectors for selectors in _VARIATION_SELECTORS)
                )
                return None if dropped else code
            case "Me" | "Cf":
                return None
            case "Nd":
                return str(unicodedata.decimal(character))
            case _:
                return code


_REPLACEMENTS: Final = _Replacements()


def fold(text: str) -> str:
    """Return the text with the differences removed that a search should not make.

    Those are case, accents, width and other compatibility forms, digits of other scripts, and characters without
    a width (soft hyphens, joiners, direction marks). Marks that make another letter stay: vowel signs of India, Thai
    tones, が. Folding twice changes nothing more.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text).translate(_REPLACEMENTS)
    return unicodedata.normalize("NFKC", text.casefold())


def _ranges_of_marks() -> str:
    """Return the marks as the inside of a regular expression's set, where letters alone have a name."""
    ranges: list[list[int]] = []
    for code in range(_FIRST_COMBINING, _END_OF_BASIC_PLANE):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join([f"{chr(first)}-{chr(last)}" for first, last in ranges])


_EMOJI: Final = "\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff"
_SPACELESS: Final = (
    "\u0e00-\u0e7f\u0e80-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b"  # Han
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\U0001aff0-\U0001b16f"  # kana, Bopomofo
)
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")
# Ranges of marks beyond U+FFFF would slow the whole set down. All of those planes' scripts stand before the emoji.
_WORD: Final = re.compile(rf"[\w{_ranges_of_marks()}\U00010000-\U0001efff]+|[{_EMOJI}]")
_HAS_SPACELESS: Final = re.compile(f"[{_SPACELESS}]")
_SAME_KIND: Final = re.compile(f"([{_SPACELESS}]+)|[^{_SPACELESS}]+")
_URI_SEPARATORS: Final = re.compile(r"[#+/:=?.\-&\s\x00-\x1f\x7f\ud800-\udfff]+")


def index_tokens(text: str) -> list[Token]:
    """Return the words of a text that is to be found, in the order of their positions.

    A run without spaces gives each character and, at the same position, the pair that begins with it.
    """
    return _tokens(text, asked=False)


def query_tokens(text: str) -> list[Token]:
    """Return the words that a text must have to be found, in the order of the positions they have in `index_tokens`.

    A run without spaces gives its pairs only; or its character, if it has one.
    Empty if nothing in the text can be searched for.
    """
    return _tokens(text, asked=True)


def _tokens(text: str, *, asked: bool) -> list[Token]:
    folded = fold(text)
    if folded.isascii():
        return list(zip(_cut(_ASCII_WORD.findall(folded)), count(1)))
    words = _WORD.findall(folded.replace("_", " "))
    if not _HAS_SPACELESS.search(folded):
        return list(zip(_cut(words), count(1)))
    tokens: list[Token] = []
    position = 1
    for word in words:
        for part in _SAME_KIND.finditer(word):
            run = part[1]
            if run is None:
                tokens.append((part[0][:LONGEST_TOKEN], position))
                position += 1
                continue
            pairs = zip(map(str.__add__, run, run[1:]), count(position))
            if asked and len(run) > 1:
                tokens.extend(pairs)
            else:
                both = [("", 0)] * (2 * len(run) - 1)
                both[::2] = zip(run, count(position))
                both[1::2] = pairs
                tokens.extend(both)
            position += len(run)
    return tokens


def _cut(words: list[str]) -> list[str]:
    return [word[:LONGEST_TOKEN] for word in words]


def is_run_character(word: str) -> bool:
    """Return whether a word is a single character of a run without spaces."""
    return len(word) == 1 and _HAS_SPACELESS.match(word) is not None


def uri_parts(uri: str) -> list[str]:
    """Return the parts of a URI that it can be found by, folded, each once, in their order.

    It is split at `# + / : = ? . - &` and white space, encoded or not. `_` and other characters stay in a part, so ask
    with what this function gives for the words of the query, not with `query_tokens`.

    Source: specification of the API, section 5.1, analyser `uri_parts`. Different from there: folded instead of
    case-sensitive, percent-decoded, and also split at `&`.
    """
    parts = _URI_SEPARATORS.split(fold(unquote(uri)))
    return list(dict.fromkeys([part[:LONGEST_TOKEN] for part in parts if part]))
