"""Searches for many URIs at once: `*` stands for any run of characters, `_` for one character."""

import re
from dataclasses import dataclass
from typing import Final

from hcommon.uri.normalization import normalize
from hcommon.uri.parse import InvalidURIError

_WILDCARD: Final = re.compile(r"[*_]")
_RUN: Final = re.compile(r"\*+")
_SCHEME_AND_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://([^/?#]*))?")
_LIKE_SPECIAL: Final = re.compile(r"[\\%]")
_ELASTICSEARCH_SPECIAL: Final = re.compile(r"[\\?]")


@dataclass(frozen=True, slots=True)
class WildcardURI:
    """A pattern of normal forms."""

    pattern: str
    """A normal form in which `*` and `_` are wildcards. A run of `*` is written as one."""

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The patterns of which one has to match.

        `…/*` also means the page `…` itself. As a normal form has no slash before its query, `…/?x` is `…?x`
        there and needs a pattern of its own.
        """
        if self.pattern.endswith("/*") and "?" not in self.pattern:
            parent = self.pattern[:-2]
            return parent, f"{parent}/*", f"{parent}?*"
        return (self.pattern,)

    def to_like(self) -> list[str]:
        """Return SQL LIKE patterns with backslash as escape, one of which has to match the normal form."""
        return [_LIKE_SPECIAL.sub(r"\\\g<0>", pattern).replace("*", "%") for pattern in self.alternatives]

    def to_elasticsearch(self) -> list[str]:
        """Return values of Elasticsearch wildcard queries, one of which has to match the normal form."""
        return [_ELASTICSEARCH_SPECIAL.sub(r"\\\g<0>", pattern).replace("_", "?") for pattern in self.alternatives]

    def matches(self, normalized: str) -> bool:
        """Tell whether a normal form matches: what the patterns for databases have to agree with."""
        return any(re.fullmatch(_to_regex(pattern), normalized, re.DOTALL) for pattern in self.alternatives)


def _to_regex(pattern: str) -> str:
    first, *rest = [re.escape(fixed).replace("_", ".") for fixed in pattern.split("*")]
    if not rest:
        return first
    # The first place where a piece fits is as good as any: atomic groups keep the time linear a piece.
    return first + "".join([f"(?>.*?{fixed})" for fixed in rest[:-1]]) + f".*{rest[-1]}"


def parse_wildcard(uri: str) -> WildcardURI:
    """Read a URI with wildcards, and normalise it as the URIs that it is to match are.

    So a fragment and tracking parameters are ignored, parameters are sorted if each has a `=` (`*` sorts before
    letters), and `%2A` and `%5F` are wildcards too. `_` stands for one character of the normal form, in which
    `é` is six (`%C3%A9`).

    Raises:
        InvalidURIError: the text has no wildcard, no scheme, or a wildcard in scheme or host; or the host or
            port can't be.

    Source: specification of the API, section 1.10. Different from there: `…/a/*` doesn't match `…/ab`.
    """
    if not _WILDCARD.search(uri):
        raise InvalidURIError("A wildcard URI contains * or _.")
    pattern = normalize(uri)
    match = _SCHEME_AND_HOST.match(pattern)
    if match is None:
        raise InvalidURIError("A wildcard URI begins with a scheme that has no wildcards, for example https://.")
    if match[1] and _WILDCARD.search(match[1]):
        raise InvalidURIError("A wildcard URI has no wildcards in its host.")
    return WildcardURI(pattern=_RUN.sub("*", pattern))
