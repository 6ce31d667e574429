"""The only place where a failure gets its HTTP status and body.

Under `/api`, whatever the caller may not do or know of reads as 404 with one text, so that nothing can be probed.
"""

import re

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimitedError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hweb import metrics
from hweb.resources import Resources
from hweb.responses import failure
from hweb.templating import error_page

NOT_FOUND = "There is nothing here, or you may not see it."
METHOD_NOT_ALLOWED = 405
SERVER_ERROR = 500
RETRY_AFTER_SECONDS = "5"
FOR_PROGRAMS = frozenset({"/oauth/revoke", "/.well-known/oauth-authorization-server"})
"""What lies outside the API and yet is asked for by programs alone."""

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")

_log = get_logger(__name__)


def install(app: FastAPI) -> None:
    """Register the handlers of expected failures, of bad requests and of bugs."""
    app.add_exception_handler(HError, _on_expected)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)


def status_of(kind: ErrorKind, *, api: bool) -> int:  # noqa: PLR0911 - one return a kind
    """Return the HTTP status of a kind of failure."""
    match kind:
        case ErrorKind.INVALID:
            return 400
        case ErrorKind.UNAUTHENTICATED:
            return 404 if api else 401
        case ErrorKind.FORBIDDEN:
            return 404 if api else 403
        case ErrorKind.NOT_FOUND:
            return 404
        case ErrorKind.CONFLICT:
            return 409
        case ErrorKind.TOO_LARGE:
            return 413
        case ErrorKind.RATE_LIMITED:
            return 429
        case ErrorKind.UNAVAILABLE:
            return 503


def is_api(request: Request) -> bool:
    """Return whether a request wants the API's JSON errors."""
    path = request.url.path
    return path.startswith("/api/") or path in FOR_PROGRAMS


def respond(request: Request, status: int, reason: str, *, headers: dict[str, str] | None = None) -> Response:
    """Return a failure as JSON or as a page, whichever this part of the site speaks."""
    if is_api(request):
        return failure(status, NOT_FOUND if status == 404 else reason, headers=headers)  # noqa: PLR2004 - Not Found
    return error_page(request, status=status, reason=reason, headers=headers)


async def _on_expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, HError)  # noqa: S101 - registered for HError alone
    status = status_of(error.kind, api=is_api(request))
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if status in (429, 503) else None
    held: Resources = request.app.state.resources
    if isinstance(error, RateLimitedError):
        headers = {"Retry-After": str(error.retry_after_seconds)}
        held.metrics.count(metrics.RATE_LIMITED, limit=error.limit)
    if error.kind is ErrorKind.UNAVAILABLE:
        held.metrics.count(metrics.UNAVAILABLE, what=_what_is_away(error))
        _log.warning("dependency_unavailable", reason=error.reason)
    return respond(request, status, error.reason, headers=headers)


def _what_is_away(error: HError) -> str:
    """Return `database` for a DatabaseUnavailableError, `database_busy` for a DatabaseBusyError, and so on."""
    name = type(error).__name__.removesuffix("Error").removesuffix("Unavailable")
    return _CAPITAL.sub("_", name).lower()


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    problems = [(".".join(str(part) for part in item["loc"][1:]), str(item["msg"])) for item in error.errors()]
    reason = "\n".join(f"{where}: {what}" if where else what for where, what in problems)
    return respond(request, 400, reason)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    status = error.status_code
    if status == METHOD_NOT_ALLOWED and is_api(request):
        status = 404
    return respond(request, status, str(error.detail), headers=dict(error.headers or {}))


async def _on_disconnect(request: Request, _: Exception) -> Response:
    """Answer nobody: whoever sent half a body has gone, or a proxy in between refused the rest."""
    return respond(request, 400, "The request ended before its body did.")


async def _on_bug(request: Request, error: Exception) -> Response:
    held: Resources = request.app.state.resources
    held.metrics.count(metrics.UNHANDLED)
    _log.error("unhandled_error", exc_info=error)
    return respond(request, SERVER_ERROR, "Something went wrong on our side. It has been recorded.")
