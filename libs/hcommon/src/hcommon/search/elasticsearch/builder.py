"""From a search to the body of Elasticsearch's answer to it.

Everything is a filter: nothing is scored, and Elasticsearch may keep what filters found.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, Literal
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import readable_filter
from hcommon.search.elasticsearch.words import Clause, some
from hcommon.search.postgresql.parameters import Values
from hcommon.search.query import Cursor, SearchQuery, SortKey
from hcommon.uri.version import UNVERSIONED

SortValue = int | str

_FIELDS: Final = {
    SortKey.CREATED: "created",
    SortKey.UPDATED: "updated",
    SortKey.GROUP: "group",
    SortKey.ID: "id",
    SortKey.USER: "userid",
}
_BEFORE_EVERY_ID: Final = ""
_AFTER_EVERY_ID: Final = "g"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def filters(query: SearchQuery, *, keys: Values, words: Sequence[Clause], principal: Principal) -> list[Clause]:
    """Return the conditions of a search, the principal's visibility among them.

    Args:
        query: The search.
        keys: Keys of what it names, as `postgresql.resolution.resolve` gives them.
        words: Its compiled words.
        principal: Who asks.
    """
    found = [readable_filter(principal), *words]
    pages = [*_pages(keys), *_wildcards(query)]
    if pages:
        found.append(_some(pages))
    for one, several in (("group_id", "group_ids"), ("user_id", "user_ids")):
        if one in keys:
            found.append({"term": {one: keys[one]}})
        elif several in keys:
            found.append({"terms": {one: keys[several]}})
    found += [{"term": {"references": reference.hex}} for reference in query.references]
    if query.top_level_only:
        found.append({"term": {"is_reply": False}})
    return found


def page_body(query: SearchQuery, conditions: Sequence[Clause]) -> dict[str, Any]:
    """Return the request for a page, its total, and one row more, which tells whether it is the last."""
    body = _body(query, conditions, size=query.limit + 1 if query.limit else 0)
    body["track_total_hits"] = True
    if query.after is not None:
        body["search_after"] = _after(query, query.after)
    elif query.offset and query.limit:
        body["from"] = query.offset
    return body


def ties_body(
    query: SearchQuery, conditions: Sequence[Clause], *, value: SortValue, after: UUID, size: int
) -> dict[str, Any]:
    """Return the request for up to `size` rows behind `after` whose sort key is `value`."""
    same: Clause = {"term": {_FIELDS[query.sort]: value}}
    body = _body(query, [*conditions, same], size=size)
    body["track_total_hits"] = False
    body["search_after"] = [value, after.hex]
    return body


def cursor_behind(query: SearchQuery, value: SortValue, annotation_id: UUID) -> Cursor:
    """Return the cursor of a row that Elasticsearch sorted by `value`."""
    if query.sort is SortKey.ID:
        return Cursor(annotation_id, annotation_id)
    if isinstance(value, int):
        return Cursor(_EPOCH + value * _MICROSECOND, annotation_id)
    return Cursor(value, annotation_id)


def _body(query: SearchQuery, conditions: Sequence[Clause], *, size: int) -> dict[str, Any]:
    order: Literal["desc", "asc"] = "desc" if query.descending else "asc"
    field = _FIELDS[query.sort]
    return {
        "query": {"bool": {"filter": list(conditions)}},
        "sort": [{name: order} for name in dict.fromkeys((field, "id"))],
        "size": size,
        "stored_fields": "_none_",  # the id is among the sort keys
    }


def _after(query: SearchQuery, cursor: Cursor) -> list[SortValue]:
    if query.sort is SortKey.ID:
        return [_sort_value(cursor.value)]
    if cursor.id is not None:
        return [_sort_value(cursor.value), cursor.id.hex]
    return [_sort_value(cursor.value), _BEFORE_EVERY_ID if query.descending else _AFTER_EVERY_ID]


def _sort_value(value: datetime | str | UUID) -> SortValue:
    match value:
        case datetime():
            return (value - _EPOCH) // _MICROSECOND
        case UUID():
            return value.hex
        case _:
            return value


def _pages(keys: Values) -> list[Clause]:
    found: list[Clause] = []
    for number in count():
        hashes = keys.get(f"hashes_{number}")
        if hashes is None:
            return found
        page: Clause = {"terms": {"uri_hash": [uri_hash.hex for uri_hash in hashes]}}
        versions = [UNVERSIONED] if f"unversioned_{number}" in keys else keys.get(f"versions_{number}")
        if versions is not None:
            page = {"bool": {"filter": [page, {"terms": {"version": versions}}]}}
        found.append(page)
    raise AssertionError  # pragma: no cover - counting has no end


def _wildcards(query: SearchQuery) -> list[Clause]:
    patterns = [pattern for wildcard in query.wildcard_uris for pattern in wildcard.to_elasticsearch()]
    return [{"wildcard": {"uri": {"value": pattern}}} for pattern in patterns]


def _some(clauses: Sequence[Clause]) -> Clause:
    found = some(clauses)
    assert found is not None  # noqa: S101 - none of them is empty
    return found
