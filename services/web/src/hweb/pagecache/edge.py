"""Answers requests from the cache before they reach the routes, when nothing has changed."""

from types import SimpleNamespace
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from hweb import metrics
from hweb.pagecache.lookups import Lookups
from hweb.pagecache.store import Answer, PageCache, Question, reader_of
from hweb.resources import Resources
from hweb.visitor import SESSION_COOKIE

ROUTES: Final = {"/api/search": SimpleNamespace(name="search"), "/api/badge": SimpleNamespace(name="badge")}
"""The paths that may be answered so, with the routes that answer them otherwise."""

_SESSION: Final = f"{SESSION_COOKIE}=".encode()
_BEARER: Final = b"bearer "


class CachedReads:
    """Wraps the application; whatever it can't answer passes through as if it weren't there."""

    def __init__(self, app: ASGIApp, *, cache: PageCache, resources: Resources) -> None:
        self._app = app
        self._cache = cache
        self._lookups = Lookups(resources)
        self._metrics = resources.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        answer = await self._find(scope) if scope["type"] == "http" else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTES[scope["path"]]
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer.body)).encode()),
            (b"etag", answer.etag.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _find(self, scope: Scope) -> Answer | None:
        if scope["path"] not in ROUTES or scope["method"] != "GET":
            return None
        question = Question(scope["path"], scope["query_string"])
        pages = self._cache.pages(question)
        if pages is None:
            return None
        token = None
        for name, value in scope["headers"]:
            # A browser's session, or another kind of credentials: the routes know what those may see.
            if name == b"cookie" and _SESSION in value:
                return None
            if name == b"authorization":
                if token is not None or value[: len(_BEARER)].lower() != _BEARER:
                    return None
                token = value[len(_BEARER) :].decode("latin-1").strip()
        try:
            found = await self._lookups.look_up(pages, token)
        except Exception:  # noqa: BLE001 - the route meets the same failure and answers it
            return None
        answer = self._cache.find(question, reader_of(found.principal), found.revisions)
        self._metrics.count(metrics.PAGE_CACHE, outcome="hit" if answer else "miss")
        return answer
