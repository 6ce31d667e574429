"""Refuses requests as long as the process cannot serve them; the health routes always answer."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from hweb import errors
from hweb.opening import NotOpenYetError, Opening

_ALWAYS = frozenset({"/livez", "/readyz", "/_status"})


class Gate:
    """Wraps the application, inside of what adds headers to every answer."""

    def __init__(self, app: FastAPI, *, opening: Opening) -> None:
        self._app = app
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if self._opening.is_open or scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app  # where the error page finds the settings
        refusal = errors.respond(
            Request(scope), 503, NotOpenYetError().reason, headers={"Retry-After": errors.RETRY_AFTER_SECONDS}
        )
        await refusal(scope, receive, send)
