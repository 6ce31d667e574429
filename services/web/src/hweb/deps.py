"""Every injected thing, declared once.

A route opens its own connection: `with read() as reader` for reads, `with write() as writer` for one transaction,
which has committed (or failed) when the block ends, before any answer exists. Both carry the principal of the
request's bearer token. The dependencies themselves are coroutines that do nothing slow, so that a route costs one
hop into the thread pool; and they find what the process holds by `_held` rather than from each other, because FastAPI's
way of finding that out costs more than they do. Only the visitor is shared, so that a page asks for its session once.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from hcommon.auth import ANONYMOUS, Principal, principal_of_client, principal_of_token
from hcommon.errors import HError
from hcommon.presentation.annotation import LinkSettings
from hcommon.search.backend import SearchBackend
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from hweb import authclients
from hweb.apilimits import ApiLimits
from hweb.authclients import basic_credentials
from hweb.pagecache.store import PageCache
from hweb.resources import Resources
from hweb.settings import Settings
from hweb.visitor import Visitor

BEARER = "bearer "
CSRF_HEADER = "x-csrf-token"
MAX_CLIENT_ID_CHARS = 100
"""Where `X-Client-Id` is cut off; the client sends 32 characters."""


class ForgedRequestError(HError):
    """A request with the session's cookie was not sent by our own page, or that page is too old."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A connection in autocommit mode, and who asks."""

    connection: Connection
    principal: Principal
    now: datetime


@dataclass(frozen=True, slots=True)
class Writer:
    """A session in its transaction, and who asks.

    Attributes:
        client_id: `X-Client-Id`: the browser tab that must not hear its own echo.
    """

    session: Session
    principal: Principal
    now: datetime
    client_id: str | None


ReaderFactory = Callable[[], AbstractContextManager[Reader]]
WriterFactory = Callable[[], AbstractContextManager[Writer]]


def _held(request: Request) -> Resources:
    held: Resources = request.app.state.resources
    return held


async def _resources(request: Request) -> Resources:
    return _held(request)


async def _settings(request: Request) -> Settings:
    return _held(request).settings


async def _search(request: Request) -> SearchBackend:
    return _held(request).search


async def _page_cache(request: Request) -> PageCache:
    cache: PageCache = request.app.state.page_cache
    return cache


async def _api_limits(request: Request) -> ApiLimits:
    return _limits(request)


def _limits(request: Request) -> ApiLimits:
    limits: ApiLimits = request.app.state.api_limits
    return limits


async def _links(request: Request) -> LinkSettings:
    return _held(request).links


async def _read(request: Request) -> ReaderFactory:
    return _reader(request, _held(request), clients=False)


async def _write(request: Request) -> WriterFactory:
    return _writer(request, _held(request), clients=False)


async def _client_read(request: Request) -> ReaderFactory:
    return _reader(request, _held(request), clients=True)


async def _client_write(request: Request) -> WriterFactory:
    return _writer(request, _held(request), clients=True)


async def _cookie_read(request: Request) -> ReaderFactory:
    return _reader(request, _held(request), clients=False, cookie=True)


async def _cookie_write(request: Request) -> WriterFactory:
    return _writer(request, _held(request), clients=False, cookie=True)


async def _any_read(request: Request) -> ReaderFactory:
    return _reader(request, _held(request), clients=True, cookie=True)


async def _any_write(request: Request) -> WriterFactory:
    return _writer(request, _held(request), clients=True, cookie=True)


def _reader(request: Request, held: Resources, *, clients: bool, cookie: bool = False) -> ReaderFactory:
    whose = _principal_of(request, held, clients=clients, cookie=cookie)
    # Listings that are asked for with a body are no small reads; each is counted once.
    limits = _limits(request) if request.method == "POST" else None

    @contextmanager
    def read() -> Iterator[Reader]:
        nonlocal limits
        now = held.clock.now()
        with held.database.read() as connection:
            principal = whose(connection, now)
            if limits is not None:
                limits.count_write(request, principal, now=now)
                limits = None
            yield Reader(connection, principal, now)

    return read


def _writer(request: Request, held: Resources, *, clients: bool, cookie: bool = False) -> WriterFactory:
    whose = _principal_of(request, held, clients=clients, cookie=cookie)
    client_id = request.headers.get("x-client-id", "")[:MAX_CLIENT_ID_CHARS] or None
    limits = _limits(request)

    @contextmanager
    def write() -> Iterator[Writer]:
        now = held.clock.now()
        with held.database.transaction() as session:
            principal = whose(session, now)
            limits.count_write(request, principal, now=now)
            yield Writer(session, principal, now, client_id)

    return write


async def _visitor(request: Request) -> Visitor:
    return Visitor(request, _held(request))


VisitorDep = Annotated[Visitor, Depends(_visitor)]


async def _session_read(request: Request, visitor: VisitorDep) -> ReaderFactory:
    held = _held(request)

    @contextmanager
    def read() -> Iterator[Reader]:
        with held.database.read() as connection:
            yield Reader(connection, visitor.principal(connection), held.clock.now())

    return read


async def _session_write(request: Request, visitor: VisitorDep) -> WriterFactory:
    held = _held(request)

    @contextmanager
    def write() -> Iterator[Writer]:
        with held.database.transaction() as session:
            yield Writer(session, visitor.principal(session), held.clock.now(), None)

    return write


def _session_user(request: Request, visitor: VisitorDep) -> Principal:
    if visitor.session is None:
        return ANONYMOUS
    with _held(request).database.read() as connection:
        return visitor.principal(connection)


def bearer_token(request: Request) -> str | None:
    """Return the token of the `Authorization` header, or None."""
    header = request.headers.get("authorization")
    if header is None or header[: len(BEARER)].lower() != BEARER:
        return None
    return header[len(BEARER) :].strip()


def _principal_of(
    request: Request, held: Resources, *, clients: bool, cookie: bool
) -> Callable[[Connection | Session, datetime], Principal]:
    """Return how to find out who asks; clients' credentials and the cookie count only where the route says so."""
    csrf_token = request.headers.get(CSRF_HEADER) if cookie else None
    by_header = _principal_of_header(request, held, clients=clients)

    def principal(connection: Connection | Session, now: datetime) -> Principal:
        found = by_header(connection, now)
        if csrf_token is None or found != ANONYMOUS:
            return found
        visitor = Visitor(request, held)
        if not visitor.owns(csrf_token):
            raise ForgedRequestError("X-CSRF-Token is not of this session: load the page again.")
        return visitor.principal(connection)

    return principal


def _principal_of_header(
    request: Request, held: Resources, *, clients: bool
) -> Callable[[Connection | Session, datetime], Principal]:
    token = bearer_token(request)
    credentials = basic_credentials(request.headers.get("authorization")) if clients else None
    forwarded_userid = request.headers.get("x-forwarded-user")

    def principal(connection: Connection | Session, now: datetime) -> Principal:
        if token:
            return principal_of_token(connection, token, now=now)
        if credentials is None:
            return ANONYMOUS
        client = authclients.identify(connection, credentials=credentials, keys=held.keys)
        if client is None:
            return ANONYMOUS
        return principal_of_client(connection, client, forwarded_userid=forwarded_userid)

    return principal


ResourcesDep = Annotated[Resources, Depends(_resources)]
SettingsDep = Annotated[Settings, Depends(_settings)]
SearchDep = Annotated[SearchBackend, Depends(_search)]
LinksDep = Annotated[LinkSettings, Depends(_links)]
ApiLimitsDep = Annotated[ApiLimits, Depends(_api_limits)]
PageCacheDep = Annotated[PageCache, Depends(_page_cache)]
ReadDep = Annotated[ReaderFactory, Depends(_read)]
WriteDep = Annotated[WriterFactory, Depends(_write)]
ClientReadDep = Annotated[ReaderFactory, Depends(_client_read)]
"""Like `ReadDep`, and lets clients in (`principal.client`): HTTP Basic, for a user if `X-Forwarded-User` names one."""
ClientWriteDep = Annotated[WriterFactory, Depends(_client_write)]
"""Like `WriteDep`, and lets clients in."""
CookieReadDep = Annotated[ReaderFactory, Depends(_cookie_read)]
"""Like `ReadDep`, and lets the site's own pages in: the session's cookie with a form's token as `X-CSRF-Token`."""
CookieWriteDep = Annotated[WriterFactory, Depends(_cookie_write)]
"""Like `WriteDep`, and lets the site's own pages in: the session's cookie with a form's token as `X-CSRF-Token`."""
AnyReadDep = Annotated[ReaderFactory, Depends(_any_read)]
"""Like `ReadDep`, and lets in clients and the site's own pages."""
AnyWriteDep = Annotated[WriterFactory, Depends(_any_write)]
"""Like `WriteDep`, and lets in clients and the site's own pages."""
SessionReadDep = Annotated[ReaderFactory, Depends(_session_read)]
"""Like `ReadDep` for pages: the principal is the browser session's user."""
SessionWriteDep = Annotated[WriterFactory, Depends(_session_write)]
"""Like `WriteDep` for pages; take `forms.CheckedFormDep` beside it."""
SessionUserDep = Annotated[Principal, Depends(_session_user)]
"""The browser session's user, or anonymous. Costs a hop into the thread pool: for pages, not for the badge."""
