"""The rules that hold for everything under `/api/`: versions, CORS, HEAD, ETag and caching.

Source: specification of the API, section 1.1 with its corrections in section 14.
"""

import hashlib
import re
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hweb.responses import failure

V1 = "application/vnd.hypothesis.v1+json"
V2 = "application/vnd.hypothesis.v2+json"
PREFLIGHT_MAX_AGE_SECONDS = 86_400
ALLOW_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
ALLOW_HEADERS = "Authorization, Content-Type, Hypothesis-Client-Version, X-Client-Id"

_CONDITIONAL = frozenset({"GET", "HEAD"})
# Not part of the versioned API: plain JSON for forms and badges.
_UNVERSIONED = frozenset({"/api/token", "/api/badge"})
_CROSS_ORIGIN_BEYOND_API = frozenset({"/oauth/revoke"})
_MEDIA_RANGE = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+/[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_QUALITY = re.compile(r"[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_V1_RANGES = frozenset(
    {
        "*/*",
        "application/*",
        "application/json",
        V1,
        "application/vnd.hypothesis.v1+x-ndjson",
        "application/vnd.hypothesis.v2+x-ndjson",
    }
)


def negotiate(accept: str | None) -> str | None:
    """Return the media type to answer with, or None for 406.

    A range with parameters other than `q` matches nothing, nor does one with `q=0`; a header that is no list of ranges
    counts as absent.
    """
    if accept is None:
        return V1
    if not accept.strip():
        return None
    ranges = set()
    for item in accept.split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        if not media_range and not any(parameters):
            continue
        if not _MEDIA_RANGE.match(media_range):
            return V1
        qualities = [_QUALITY.fullmatch(parameter) for parameter in parameters if parameter]
        if all(quality is not None and float(quality[1]) for quality in qualities):
            ranges.add(media_range.lower())
    if V2 in ranges:
        return V2
    return V1 if not _V1_RANGES.isdisjoint(ranges) else None


def etag_of(body: bytes) -> str:
    """Return the entity tag of an answer."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


class ApiEdge:
    """Wraps the application; everything outside the API passes through, HEAD excepted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        is_api = path.startswith("/api/")
        cross_origin = is_api or path in _CROSS_ORIGIN_BEYOND_API
        headers = Headers(scope=scope)
        if cross_origin and scope["method"] == "OPTIONS":
            await _preflight(scope, receive, send, headers)
            return
        if not _is_sound(scope):
            await _refusal(400, "The address has bytes that are no text.")(scope, receive, send)
            return
        media_type = None
        if is_api and path not in _UNVERSIONED:
            media_type = negotiate(headers.get("accept"))
            if media_type is None:
                await _refusal(406, "This version of the API does not exist.")(scope, receive, send)
                return
        method = scope["method"]
        finish = _Finish(send, headers, media_type=media_type, cross_origin=cross_origin, api=is_api, method=method)
        if method != "HEAD":
            await self._app(scope, receive, finish)
            return
        # A copy: the server around must still see a HEAD; the log wants to know the route.
        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, finish)
        finally:
            scope["route"] = inner.get("route")


class _Finish:
    """Holds the start of a response until its body is there, then sends both with the headers they need."""

    def __init__(
        self, send: Send, request: Headers, *, media_type: str | None, cross_origin: bool, api: bool, method: str
    ) -> None:
        self._send = send
        self._if_none_match = request.get("if-none-match", "")
        self._conditional = method in _CONDITIONAL
        self._media_type = media_type
        self._cross_origin = cross_origin
        self._api = api
        self._head = method == "HEAD"
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            message = self._finish(start, message)
            await self._send(start)
        if self._head:
            message = {**message, "body": b""}
        await self._send(message)

    def _finish(self, start: Message, body: Message) -> Message:
        headers = MutableHeaders(scope=start)
        if self._cross_origin:
            headers["Access-Control-Allow-Origin"] = "*"
        if not self._api:
            return body
        if start["status"] < 400 and self._media_type:  # noqa: PLR2004 - errors carry no version
            headers.setdefault("Hypothesis-Media-Type", self._media_type)
        headers.setdefault("Cache-Control", "no-cache")
        if self._conditional and start["status"] == 200 and not body.get("more_body"):  # noqa: PLR2004 - OK
            # An answer that was kept brings its own.
            etag = headers.get("etag")
            if etag is None:
                etag = headers["ETag"] = etag_of(body.get("body", b""))
            if etag in self._if_none_match or self._if_none_match.strip() == "*":
                start["status"] = 304
                del headers["content-length"]
                del headers["content-type"]
                return {**body, "body": b""}
        return body


async def _preflight(scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
    origin = headers.get("origin")
    if not origin or "access-control-request-method" not in headers:
        await _refusal(400, "A preflight needs Origin and Access-Control-Request-Method.")(scope, receive, send)
        return
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ALLOW_METHODS,
        "Access-Control-Allow-Headers": ALLOW_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_SECONDS),
        "Vary": "Origin",
    }
    await Response(headers=allowed)(scope, receive, send)


def _refusal(status: int, reason: str) -> Response:
    return failure(status, reason, headers={"Access-Control-Allow-Origin": "*"})


def _is_sound(scope: Scope) -> bool:
    """Return whether path and query decode to text that a database can hold."""
    raw_path: bytes = scope.get("raw_path") or b""
    if b"%00" in scope["query_string"] or b"%00" in raw_path:
        return False
    if b"%" not in raw_path:
        return True
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return False
    return True
