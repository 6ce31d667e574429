"""What a client wants to hear of, and what of an annotation that is compared with.

A filter names groups, annotations, threads and pages. The pages are not expanded to the other URIs of their document
when the filter arrives: an event brings all URIs of its own document, so that a document that grows or merges later is
still heard of, and a filter costs no query.

Source: specification of the API, sections 3.2 and 3.4; 4.3 for the rule of canonical links.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from hcommon import ids, uri
from hcommon.errors import HError

ALL_VERSIONS: Final = -1
MOST_VALUES: Final = 500

_ACTIONS: Final = ("create", "update", "delete")


class InvalidFilterError(HError):
    """The filter is not of the form that the API defines."""


class Page(NamedTuple):
    """One version of a document's URI; `version` is 0 for unversioned, or `ALL_VERSIONS`."""

    uri_hash: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Filter:
    """One clause that matches is enough.

    Attributes:
        pages: Each with the URIs that mean it as the client spelt them, without version suffixes.
        ids: Annotations themselves.
        references: Annotations whose replies, at any depth, are wanted.
        groups: Pubids.
    """

    pages: Mapping[Page, frozenset[str]]
    ids: frozenset[UUID]
    references: frozenset[UUID]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What of an annotation filters are compared with.

    Attributes:
        target_uri_hash: The page that it was made on.
        document_uri_hashes: All URIs of its document.
        canonical_uris: URIs, as claimed, that pages of its document name as their canonical address. Whoever asks
            for exactly such a URI means the annotations made there, not those of every page that names it.
        version: Of the document; 0 for unversioned.
    """

    annotation_id: UUID
    references: tuple[UUID, ...]
    group_pubid: str
    target_uri_hash: UUID
    document_uri_hashes: frozenset[UUID]
    canonical_uris: frozenset[str]
    version: int


def parse_filter(value: object) -> Filter:
    """Return the filter of a client's message.

    The clauses' insides are not judged: an unknown field, a value of the wrong type, a URI or an id that cannot be
    matches nothing, and the other clauses hold. Operators and actions do not count.

    Raises:
        InvalidFilterError: Its outer form is wrong, or it has more than `MOST_VALUES` values.
    """
    if not isinstance(value, dict) or value.get("match_policy") != "include_any":
        raise InvalidFilterError("A filter is an object whose match_policy is include_any.")
    clauses, actions = value.get("clauses"), value.get("actions")
    if not isinstance(clauses, list):
        raise InvalidFilterError("A filter has a list of clauses.")
    if not isinstance(actions, dict) or any(not isinstance(actions.get(name, True), bool) for name in _ACTIONS):
        raise InvalidFilterError("A filter has actions: an object of create, update and delete, each true or false.")
    wanted = list(_values(clauses))
    if len(wanted) > MOST_VALUES:
        raise InvalidFilterError(f"A filter has at most {MOST_VALUES} values.")
    return Filter(
        pages=_pages([text for field, text in wanted if field == "/uri"]),
        ids=frozenset(_ids(wanted, "/id")),
        references=frozenset(_ids(wanted, "/references")),
        groups=frozenset(text for field, text in wanted if field == "/group"),
    )


def _values(clauses: list[Any]) -> Iterator[tuple[str, str]]:
    for clause in clauses:
        if not isinstance(clause, dict) or not isinstance(clause.get("field"), str):
            continue
        value = clause.get("value")
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield clause["field"], item


def _pages(texts: list[str]) -> dict[Page, frozenset[str]]:
    found: dict[Page, set[str]] = {}
    for text in texts:
        wanted = uri.parse_versioned(text)
        try:
            uri_hash = uri.uri_hash(uri.normalize(wanted.uri))
        except uri.InvalidURIError:
            continue
        for version in (ALL_VERSIONS,) if wanted.all_versions else wanted.versions:
            found.setdefault(Page(uri_hash, version), set()).add(wanted.uri)
    return {page: frozenset(spellings) for page, spellings in found.items()}


def _ids(wanted: list[tuple[str, str]], field: str) -> Iterator[UUID]:
    for name, text in wanted:
        if name == field:
            try:
                yield ids.annotation_id_from_urlsafe(text)
            except ids.InvalidIdError:
                continue
