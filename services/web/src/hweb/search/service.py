"""Answers a search: from PostgreSQL at once, or with ids from the search backend."""

from collections.abc import Sequence
from dataclasses import dataclass

from hcommon.auth import Principal
from hcommon.search.backend import SearchBackend
from sqlalchemy import RowMapping

from hweb.deps import Reader, ReaderFactory
from hweb.search import queries
from hweb.search.parser import SearchRequest
from hweb.search.schemas import MAX_REPLIES


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that the principal may see.

    Attributes:
        total: All that match, not only this page's.
        replies: Replies to the rows; None unless asked for.
    """

    principal: Principal
    rows: Sequence[RowMapping]
    total: int
    replies: Sequence[RowMapping] | None


def search(read: ReaderFactory, backend: SearchBackend, request: SearchRequest) -> Found:
    """Return what is asked for.

    The backend's ids are only a proposal: the rows are read under the visibility condition, so one that the index shows
    too long is left out.

    Raises:
        SearchUnavailableError: The backend is away; page reads never meet that.
        TooManyWordsError: The search is too long.
    """
    query = request.query
    with read() as reader:
        if query.is_page_read:
            page = queries.page(reader.connection, query, principal=reader.principal)
            return _found(reader, request, page.rows, page.total)
    # No connection is held here: the backend may need one, and there are no more of them than threads.
    hits = backend.search(query, principal=reader.principal)
    with read() as reader:
        rows = queries.by_ids(reader.connection, hits.ids, principal=reader.principal)
        return _found(reader, request, rows, hits.total)


def _found(reader: Reader, request: SearchRequest, rows: Sequence[RowMapping], total: int) -> Found:
    replies = None
    if request.separate_replies:
        ids = [row["id"] for row in rows]
        replies = queries.replies(reader.connection, ids, principal=reader.principal, limit=MAX_REPLIES)
    return Found(principal=reader.principal, rows=rows, total=total, replies=replies)
