"""A search written down as plainly as possible: what every search backend must agree with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import AnnotationFacts, can_read
from hcommon.ids import normalize_username
from hcommon.search.folding import index_tokens, query_tokens, uri_parts
from hcommon.search.query import SearchQuery, SortKey
from hcommon.search.simple_query import AllOf, AnyOf, Node, Term, Without, parse
from hcommon.uri import normalize


@dataclass(frozen=True)
class Row:
    """An annotation of the corpus; its document knows no other URI."""

    id: UUID
    created: datetime
    updated: datetime
    username: str
    pubid: str
    facts: AnnotationFacts
    target_uri: str
    document_version: int | None
    references: tuple[UUID, ...]
    quotes: tuple[str, ...]
    tags: tuple[str, ...]
    text: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Return all that has words."""
        return (*self.quotes, *self.tags, self.text)


def search(corpus: Sequence[Row], query: SearchQuery, principal: Principal) -> tuple[list[UUID], int]:
    """Return the page's ids and the total."""
    found = [row for row in corpus if can_read(principal, row.facts) and matches(row, query, principal)]
    found.sort(key=lambda row: (sort_key(row, query.sort), row.id), reverse=query.descending)
    total = len(found)
    if query.after is not None:
        found = [row for row in found if is_after(row, query)]
    page = found[query.offset : query.offset + query.limit]
    exact = query.offset or (query.after and query.after.id)
    if page and query.sort in (SortKey.CREATED, SortKey.UPDATED) and not exact:
        last = sort_key(page[-1], query.sort)
        page += [row for row in found[query.limit :] if sort_key(row, query.sort) == last]
    return [row.id for row in page], total


def sort_key(row: Row, sort: SortKey) -> Any:
    """Return what the row is sorted by."""
    match sort:
        case SortKey.CREATED:
            return row.created
        case SortKey.UPDATED:
            return row.updated
        case SortKey.GROUP:
            return row.pubid
        case SortKey.ID:
            return row.id
        case SortKey.USER:
            return f"acct:{row.username}@example.org"


def is_after(row: Row, query: SearchQuery) -> bool:
    """Return whether the row is behind the query's cursor."""
    cursor = query.after
    assert cursor is not None
    key: tuple[Any, ...] = (sort_key(row, query.sort),)
    last: tuple[Any, ...] = (cursor.value,)
    if cursor.id is not None:
        key, last = (*key, row.id), (*last, cursor.id)
    return key < last if query.descending else key > last


def matches(row: Row, query: SearchQuery, principal: Principal) -> bool:
    """Return whether the row passes every filter."""
    readable = row.facts.world_readable or row.facts.group_id in principal.roles
    tree = parse(" ".join(query.any))
    return all(
        (
            not query.uris or any(is_page(row, uri) for uri in query.uris),
            not query.groups or (readable and row.pubid in query.groups),
            not query.users or normalize_username(row.username) in [user.username_normalized for user in query.users],
            set(query.references) <= set(row.references),
            not (query.top_level_only and row.references),
            all(has_tags(row, value) for value in query.tags),
            all(has_one_word([row.text], value) for value in query.text),
            all(has_one_word(row.quotes, value) for value in query.quote),
            all(has_parts(row, value) for value in query.uri_parts),
            not query.any or (tree is not None and bool(has(row, tree))),
        )
    )


def is_page(row: Row, uri: Any) -> bool:
    """Return whether the row is about that page, in that version."""
    same = normalize(row.target_uri) == normalize(uri.uri)
    return same and (uri.all_versions or (row.document_version or 0) in uri.versions)


def has_tags(row: Row, value: str) -> bool:
    """Return whether all words are among the tags."""
    words = [word for word in value.split() if query_tokens(word)]
    return bool(words) and all(neighbours(row.tags, word) for word in words)


def has_one_word(texts: Sequence[str], value: str) -> bool:
    """Return whether one of the words is in the texts."""
    return any(neighbours(texts, word) for word in value.split())


def has_parts(row: Row, value: str) -> bool:
    """Return whether all parts are in the URI."""
    return bool(uri_parts(value)) and set(uri_parts(value)) <= set(uri_parts(row.target_uri))


def has(row: Row, node: Node) -> bool | None:
    """Tell whether a node matches; None if it asks for nothing."""
    match node:
        case Without():
            inner = has(row, node.node)
            return None if inner is None else not inner
        case AllOf():
            answers = [answer for answer in (has(row, inner) for inner in node.nodes) if answer is not None]
            return all(answers) if answers else None
        case AnyOf():
            answers = [answer for answer in (has(row, inner) for inner in node.nodes) if answer is not None]
            return any(answers) if answers else None
        case Term():
            if not query_tokens(node.text):
                return None
            return neighbours(row.texts, node.text, prefix=node.prefix) or in_uri(row, node)


def in_uri(row: Row, term: Term) -> bool:
    """Return whether all parts of the term are in the URI."""
    *whole, last = uri_parts(term.text)
    parts = set(uri_parts(row.target_uri))
    return set(whole) <= parts and any(part.startswith(last) if term.prefix else part == last for part in parts)


def neighbours(texts: Sequence[str], asked: str, *, prefix: bool = False) -> bool:
    """Tell whether one of the texts has the words side by side."""
    words = query_tokens(asked)
    return bool(words) and any(_has_run(text, words, prefix=prefix) for text in texts)


def _has_run(text: str, words: list[tuple[str, int]], *, prefix: bool) -> bool:
    tokens = index_tokens(text)
    *whole, (last, behind) = words

    def fits(start: int) -> bool:
        ends = {word for word, position in tokens if position == start + behind}
        return all((word, start + offset) in tokens for word, offset in whole) and (
            any(word.startswith(last) for word in ends) if prefix else last in ends
        )

    return any(fits(start) for start in range(-1, len(text) + 1))
