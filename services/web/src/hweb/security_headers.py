"""Headers that tell browsers what a page may do, and who may frame it.

A page has `SITE_POLICY` unless its response brings a `Content-Security-Policy` of its own, made with `policy`.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hweb.settings import Settings

HSTS = "max-age=31536000"
REFERRER_POLICY = "strict-origin-when-cross-origin"
"""Other sites learn our host and no more: paths hold ids and one-time codes."""

_SITE: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_NOT_FRAMED = "frame-ancestors 'none'"


def policy(changes: Mapping[str, str | None] | None = None) -> str:
    """Return the site's policy with some directives replaced, or left out where the value is None.

    Without `frame-ancestors` any site may frame the page.
    """
    merged = {**_SITE, **(changes or {})}
    return "; ".join(f"{name} {value}" for name, value in merged.items() if value is not None)


SITE_POLICY = policy()


class SecurityHeaders:
    """Adds the headers to every answer; those that only pages need, to pages alone."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._csp_enabled = settings.csp_enabled
        self._https = settings.app_url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        if self._https:
            headers["Strict-Transport-Security"] = HSTS
        if not headers.get("content-type", "").startswith("text/html"):
            return
        headers.setdefault("Referrer-Policy", REFERRER_POLICY)
        chosen = headers.setdefault("Content-Security-Policy", SITE_POLICY)
        if _NOT_FRAMED in chosen:
            headers["X-Frame-Options"] = "DENY"
        if not self._csp_enabled:
            del headers["Content-Security-Policy"]
