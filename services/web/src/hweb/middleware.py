"""What happens around every request: its id, the body limit, one log line, one timing."""

import re
import time
from uuid import uuid4

import anyio.to_thread
import structlog
from hcommon.logging import get_logger
from hcommon.metrics import Metrics
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hweb import metrics
from hweb.resources import Resources

MAX_BODY_BYTES = 20 * 1024 * 1024
"""Largest request body; above it the answer is 413. Source: specification of the API, section 8.4."""

TOO_LARGE = f"The body is larger than {MAX_BODY_BYTES} bytes."

BODY_BYTES = "h.body_bytes"
"""Where the scope tells how much of the body has been read."""

_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.-]{8,64}$")
_DIGITS = re.compile(r"^[0-9]+$")
_MOST_DIGITS = 18
_CODE_PATHS = ("/activate/", "/claim-admin/", "/account/reset/", "/account/email/", "/notification/unsubscribe/")

_THREADS_REPORTED_SECONDS = 10.0

_log = get_logger("hweb.access")


class RequestMiddleware:
    """Binds the request id, limits the body, logs and times; the outermost layer."""

    def __init__(self, app: ASGIApp, *, resources: Resources) -> None:
        self._app = app
        self._metrics = resources.metrics
        self._threads = _Threads(resources.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.match(given) else uuid4().hex
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        self._threads.look()
        try:
            await self._limited(scope, receive, send_with_id, headers)
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            self._metrics.timing(metrics.REQUEST, milliseconds, route=_route_name(scope), status=status)
            _log.info(
                "request",
                method=scope["method"],
                path=_loggable(scope["path"]),
                status=status,
                milliseconds=round(milliseconds, 2),
            )
            structlog.contextvars.clear_contextvars()

    async def _limited(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """Refuse a body that is too large when it is read, so that the refusal looks like every other failure."""
        received = 0
        declared = headers.get("content-length", "0")
        # More digits than any honest length has; they would be slow to read as a number.
        too_large = len(declared) > _MOST_DIGITS or (_DIGITS.match(declared) and int(declared) > MAX_BODY_BYTES)

        async def counted() -> Message:
            nonlocal received
            if too_large:
                raise HTTPException(413, TOO_LARGE)
            message = await receive()
            received += len(message.get("body", b""))
            scope[BODY_BYTES] = received
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, TOO_LARGE)
            return message

        await self._app(scope, counted, send)


class _Threads:
    """Reports how many threads are at work, and how many requests wait for one: the peak of every few seconds."""

    def __init__(self, sent: Metrics) -> None:
        self._metrics = sent
        self._busy = self._waiting = 0
        self._report_at = 0.0

    def look(self) -> None:
        """Look once, on the event loop, as a request begins."""
        limiter = anyio.to_thread.current_default_thread_limiter()
        self._busy = max(self._busy, int(limiter.borrowed_tokens))
        if limiter.available_tokens < 1:
            self._waiting = max(self._waiting, limiter.statistics().tasks_waiting)
        now = time.monotonic()
        if now >= self._report_at:
            self._report_at = now + _THREADS_REPORTED_SECONDS
            self._metrics.gauge(metrics.THREADS_BUSY, self._busy)
            self._metrics.gauge(metrics.THREADS_WAITING, self._waiting)
            self._busy = self._waiting = 0


def _route_name(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "name", None) or "unmatched"


def _loggable(path: str) -> str:
    """Return the path without the signed code that ends a mailed link: whoever reads the log must not use it."""
    if path.startswith(_CODE_PATHS):
        return path.rpartition("/")[0] + "/…"
    return path
