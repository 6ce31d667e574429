"""Answers a search: from PostgreSQL at once, or with ids from the search backend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hcommon.auth import Principal
from hcommon.documents.revisions import page_hashes, page_revisions
from hcommon.search.backend import SearchBackend
from hcommon.search.postgresql import Page
from hcommon.search.query import Cursor, SearchQuery
from sqlalchemy import RowMapping

from hweb.deps import Reader, ReaderFactory
from hweb.pagecache.store import Revisions
from hweb.search import queries
from hweb.search.parser import SearchRequest
from hweb.search.schemas import MAX_REPLIES


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that the principal may see.

    Attributes:
        total: All that match, not only this page's.
        replies: Replies to the rows; None unless asked for.
        next: Where the next page begins; None when there is nothing behind this one.
        revisions: Those of the pages that were asked for, seen before the rows; empty unless they alone decide.
    """

    principal: Principal
    rows: Sequence[RowMapping]
    total: int
    replies: Sequence[RowMapping] | None
    next: Cursor | None
    revisions: Revisions


def search(
    read: ReaderFactory,
    backend: SearchBackend,
    request: SearchRequest,
    *,
    keep: bool = False,
    count: Callable[[Reader], None] | None = None,
) -> Found:
    """Return what is asked for; for answers that are to be kept, with `revisions`.

    What only the backend can answer is told to `count` first, which may refuse it by raising an error.

    The backend's ids are only a proposal: the rows are read under the visibility condition, so one that the index shows
    too long is left out.

    Raises:
        SearchUnavailableError: The backend is away; page reads never meet that.
        TooManyWordsError: The search is too long.
    """
    query = request.query
    with read() as reader:
        if query.is_page_read:
            revisions = _revisions(reader, query) if keep else {}
            page = queries.page(reader.connection, query, principal=reader.principal)
            return _found(reader, request, page, revisions)
        if count is not None:
            count(reader)
    # No connection is held here: the backend may need one, and there are no more of them than threads.
    hits = backend.search(query, principal=reader.principal)
    with read() as reader:
        rows = queries.by_ids(reader.connection, hits.ids, principal=reader.principal)
        return _found(reader, request, Page(rows, hits.total, hits.next), {})


def _revisions(reader: Reader, query: SearchQuery) -> Revisions:
    """Return what decides whether the answer can be given again, or nothing where more than pages decides."""
    found = page_revisions(reader.connection, page_hashes(query.uris)) if query.uris else {}
    return found if all(revision.is_certain for revision in found.values()) else {}


def _found(reader: Reader, request: SearchRequest, part: Page, revisions: Revisions) -> Found:
    rows = part.rows
    replies = None
    if request.separate_replies:
        ids = [row["id"] for row in rows]
        replies = queries.replies(reader.connection, ids, principal=reader.principal, limit=MAX_REPLIES)
    # Of a document that is none of those asked for, the title may change without them.
    documents = {revision.document_id for revision in revisions.values()}
    if any(row["document_id"] not in documents for row in (*rows, *(replies or ()))):
        revisions = {}
    return Found(
        principal=reader.principal,
        rows=rows,
        total=part.total,
        replies=replies,
        next=part.next,
        revisions=revisions,
    )
