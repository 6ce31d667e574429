"""Which groups a list holds, and in which order.

Source: specification of the API, sections 1.11 and 4.5.
"""

from collections.abc import Iterable, Sequence

from hcommon.ids import WORLD_GROUP
from hcommon.models.group import ReadableBy
from hcommon.presentation.group import group_order
from hcommon.uri import InvalidURIError, scope_matches, split_scope
from sqlalchemy import RowMapping


def scope_origin(document_uri: str | None) -> str | None:
    """Return the origin that scopes of groups for this document must have, or None if no scope can hold it."""
    if not document_uri:
        return None
    try:
        return split_scope(document_uri)[0]
    except InvalidURIError:
        return None


def for_document(
    rows: Iterable[RowMapping], *, document_uri: str | None, member_of: Iterable[int]
) -> Sequence[RowMapping]:
    """Return the groups to list: the document's, then the public one, then the user's own private ones.

    An open or restricted group is listed for its documents alone, even to its members.
    """
    mine = frozenset(member_of)
    scoped, world, private = [], [], []
    for row in sorted(rows, key=group_order):
        if row["pubid"] == WORLD_GROUP:
            world.append(row)
        elif row["readable_by"] == ReadableBy.MEMBERS:
            if row["id"] in mine:
                private.append(row)
        elif document_uri and any(scope_matches(url, document_uri) for url in row["scope_urls"] or ()):
            scoped.append(row)
    return [*scoped, *world, *private]
