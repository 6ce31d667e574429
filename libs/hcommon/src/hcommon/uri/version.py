"""Version suffixes of document URIs in searches and subscriptions."""

from dataclasses import dataclass
from typing import Final

UNVERSIONED: Final = 0
"""The version of annotations that were made without one."""

_HIGHEST_VERSION: Final = 2**31 - 1
_MOST_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class VersionedURI:
    """A document URI, and the versions of the document that are asked for."""

    uri: str
    """Without the suffixes, otherwise as written."""
    versions: frozenset[int]
    """`{0}` (unversioned) if no suffix was given; empty if `all_versions`."""
    all_versions: bool
    """Unversioned and every version."""


def parse_versioned(uri: str) -> VersionedURI:
    """Read `http://x` (unversioned only), `http://x:v1:v2` (either), `http://x:v0` (unversioned), `http://x:all`.

    Suffixes may be mixed in any order; `:all` includes every other. A number is written without leading zeros and fits
    32 bits signed, else the text belongs to the URI.

    The suffix can't be told from a URI that really ends so, a DOI like `doi:10.1234/x:v2` for example: it is read
    as a suffix. Append `:v0` to ask for such a URI.

    Source: specification of the API, section 4.4.
    """
    end = len(uri)
    versions = set()
    all_versions = False
    # The last suffix is read first, in place: a long run of suffixes costs no copies.
    while (colon := uri.rfind(":", max(0, end - _MOST_DIGITS - 2), end)) > 0:
        suffix = uri[colon + 1 : end]
        if suffix == "all":
            all_versions = True
        elif (version := _version(suffix)) is not None:
            versions.add(version)
        else:
            break
        end = colon
    if all_versions:
        versions.clear()
    elif not versions:
        versions.add(UNVERSIONED)
    return VersionedURI(uri=uri[:end], versions=frozenset(versions), all_versions=all_versions)


def _version(suffix: str) -> int | None:
    digits = suffix[1:]
    if suffix[:1] != "v" or not digits.isascii() or not digits.isdigit() or (digits[0] == "0" and digits != "0"):
        return None
    version = int(digits)
    return version if version <= _HIGHEST_VERSION else None
