"""`GET /api/badge`: asked by browser extensions for every page that somebody visits, so it does very little.

Source: specification of the API, section 1.16. Different from there: a malformed URI is 400 instead of 500.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from hcommon.auth import ANONYMOUS
from hcommon.documents.revisions import page_hashes, page_revisions
from hcommon.errors import ErrorKind, HError
from hcommon.uri import InvalidURIError
from starlette.responses import Response
from typing_extensions import TypedDict

from hweb.badge import queries
from hweb.badge.addresses import is_blocked
from hweb.deps import PageCacheDep, SessionReadDep
from hweb.openapi import ANYBODY, SESSION, operation
from hweb.pagecache.store import question_of, reader_of
from hweb.responses import JSON
from hweb.search.parser import parse_uri

router = APIRouter(tags=["badge"])

BLOCKED: Final = {"Cache-Control": "public, max-age=86400"}


class BadgeCount(TypedDict):
    """How many annotations there are."""

    total: int


class InvalidBadgeURIError(HError):
    """There is no URI, or it cannot be one."""

    kind = ErrorKind.INVALID


@router.get(
    "/api/badge",
    name="badge",
    openapi_extra=operation(answer=BadgeCount, access=(SESSION, ANYBODY), versioned=False, cached=True),
)
def badge(
    request: Request,
    read: SessionReadDep,
    cache: PageCacheDep,
    uri: Annotated[str, Query(description="Address of the page.")] = "",
) -> Response:
    """Count the annotations of a page that the browser's user may see, anybody without a session."""
    if not uri:
        raise InvalidBadgeURIError("uri: is required")
    if is_blocked(uri):
        return JSON({"total": 0}, headers=BLOCKED)
    try:
        page = parse_uri(uri)
    except InvalidURIError as error:
        raise InvalidBadgeURIError(f"uri: {error.reason}") from error
    with read() as reader:
        # Before the count: an answer is kept only if it can't be older than the revision beside it.
        revisions = page_revisions(reader.connection, page_hashes([page]))
        (revision,) = revisions.values()
        nothing = revision.document_id is None
        total = 0 if nothing else queries.total(reader.connection, page, principal=reader.principal)
    response = JSON({"total": total})
    if reader.principal == ANONYMOUS and revision.is_certain:
        cache.keep(question_of(request), reader_of(ANONYMOUS), revisions, response.body)
    return response
