"""`GET /api/badge`: asked by browser extensions for every page that somebody visits, so it does very little.

Source: specification of the API, section 1.16. Different from there: a malformed URI is 400 instead of 500.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from hcommon.errors import ErrorKind, HError
from hcommon.uri import InvalidURIError
from starlette.responses import Response

from hweb.badge import queries
from hweb.badge.addresses import is_blocked
from hweb.deps import SessionReadDep
from hweb.responses import JSON
from hweb.search.parser import parse_uri

router = APIRouter(tags=["badge"])

BLOCKED: Final = {"Cache-Control": "public, max-age=86400"}


class InvalidBadgeURIError(HError):
    """There is no URI, or it cannot be one."""

    kind = ErrorKind.INVALID


@router.get("/api/badge", name="badge")
def badge(read: SessionReadDep, uri: Annotated[str, Query(description="Address of the page.")] = "") -> Response:
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
        return JSON({"total": queries.total(reader.connection, page, principal=reader.principal)})
