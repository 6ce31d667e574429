"""A search's filters as SQL conditions on `annotation`.

A filter is one parameter or a few, which `values` and `resolution.resolve` fill and for which `conditions` writes SQL.
Lists go into array parameters, so that a statement's text follows from the names of its parameters alone; each text
is built and compiled once, which takes longer than executing it.
"""

from collections.abc import Collection
from itertools import count, takewhile
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Text, and_, any_, bindparam, func, literal_column, or_
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from hcommon.models import Annotation
from hcommon.search.postgresql.parameters import Values, array
from hcommon.search.query import SearchQuery
from hcommon.uri import WildcardURI
from hcommon.uri.version import UNVERSIONED

PREFIX_LENGTH: Final = 500
"""Characters of `target_uri_normalized` in the index `ix_annotation_target_uri_prefix`."""

_NOTHING: Final[ColumnElement[Any]] = literal_column("'{}'::uuid[]")


def values(query: SearchQuery) -> Values:
    """Return the parameters of the filters that need no keys; words and cursor are not among them."""
    found: Values = {}
    for number, wildcard in enumerate(query.wildcard_uris):
        found |= _wildcard_values(wildcard, number)
    if query.references:
        found["references"] = list(query.references)
    if query.top_level_only:
        found["no_references"] = True
    return found


def with_single_pages(keys: Values) -> Values:
    """Return the keys of `resolution.resolve` with a name of its own for a page that has but one hash.

    Compared with `=`, PostgreSQL can read its rows from the index in the order of their dates.
    """
    found: Values = {}
    for name, value in keys.items():
        if name.startswith("hashes_") and len(value) == 1:
            found[name.replace("hashes", "hash")] = value[0]
        else:
            found[name] = value
    return found


def conditions(names: Collection[str]) -> list[ColumnElement[bool]]:
    """Return the conditions whose parameters have these names."""
    pages = [_page(number, names) for number in _numbers(names, "hash", "hashes")]
    pages += [_wildcard(number) for number in _numbers(names, "likes")]
    found = [or_(*pages)] if pages else []
    for one, several, column in (
        ("group_id", "group_ids", Annotation.group_id),
        ("user_id", "user_ids", Annotation.user_id),
    ):
        if one in names:
            # Compared with `=`, PostgreSQL can read the rows from the index in the order of their dates.
            found.append(column == bindparam(one, type_=BigInteger()))
        elif several in names:
            found.append(column == any_(array(several, BigInteger())))
    if "references" in names:
        found.append(Annotation.references.contains(array("references", PG_UUID())))
    if "no_references" in names:
        # PostgreSQL knows how common this very value is, and nothing of the lengths of arrays.
        found.append(Annotation.references == _NOTHING)
    return found


def _numbers(names: Collection[str], *stems: str) -> list[int]:
    return list(takewhile(lambda number: any(f"{stem}_{number}" in names for stem in stems), count()))


def _page(number: int, names: Collection[str]) -> ColumnElement[bool]:
    condition: ColumnElement[bool]
    if (one := f"hash_{number}") in names:
        condition = Annotation.target_uri_hash == bindparam(one, type_=PG_UUID())
    else:
        condition = Annotation.target_uri_hash == any_(array(f"hashes_{number}", PG_UUID()))
    if f"unversioned_{number}" in names:
        return and_(condition, Annotation.document_version.is_(None))
    if f"versions_{number}" in names:
        version = func.coalesce(Annotation.document_version, UNVERSIONED)
        return and_(condition, version == any_(array(f"versions_{number}", BigInteger())))
    return condition


def _wildcard_values(wildcard: WildcardURI, number: int) -> Values:
    # Every alternative begins with the first one's fixed beginning.
    beginning = wildcard.alternatives[0].partition("*")[0].partition("_")[0][:PREFIX_LENGTH]
    escaped = beginning.replace("\\", "\\\\").replace("%", "\\%")
    return {f"beginning_{number}": f"{escaped}%", f"likes_{number}": wildcard.to_like()}


def _wildcard(number: int) -> ColumnElement[bool]:
    prefix: Any = func.left(Annotation.target_uri_normalized, PREFIX_LENGTH)
    likes = any_(array(f"likes_{number}", Text()))
    return and_(
        prefix.like(bindparam(f"beginning_{number}", type_=Text())), Annotation.target_uri_normalized.like(likes)
    )
