"""The Tornado handler of sockets: authenticates before the upgrade, then delegates."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from hcommon.auth import ANONYMOUS, Principal
from hcommon.db.engine import DatabaseUnavailableError
from hcommon.logging import get_logger
from hcommon.metrics import Metrics
from tornado.websocket import WebSocketHandler

from hwebsocket.addresses import Sockets, client_address
from hwebsocket.answers import JSONHandler
from hwebsocket.authentication import Authenticator
from hwebsocket.connection import CloseReason, Connection, Limits
from hwebsocket.filters import Filter
from hwebsocket.frames import stream_of, text_frame
from hwebsocket.heartbeat import Heartbeat
from hwebsocket.metrics import CLOSED, OPENED, REFUSED, SLOW_CONSUMERS
from hwebsocket.origins import OriginPolicy
from hwebsocket.protocol import NotJSONError, receive
from hwebsocket.registry import Registry

_BEARER: Final = "bearer "
_RETRY_SECONDS: Final = "5"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SocketParts:
    """What every socket handler works with.

    Attributes:
        draining: Set when no more clients are taken.
        leaving: Connections that we closed and whose sockets are not gone yet.
    """

    registry: Registry
    heartbeat: Heartbeat
    authenticator: Authenticator
    origins: OriginPolicy
    limits: Limits
    most_connections: int
    sockets: Sockets
    proxies: Sequence[IPv4Network | IPv6Network]
    metrics: Metrics
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    leaving: set[Connection] = field(default_factory=set)


class SocketHandler(JSONHandler, WebSocketHandler):
    """`/ws`: one client's socket."""

    def initialize(self, *, parts: SocketParts) -> None:
        """Take the shared parts."""
        self._parts = parts
        self._principal = ANONYMOUS
        self._connection: Connection | None = None

    # Before the upgrade

    async def prepare(self) -> None:
        """Refuse what is not a handshake, or comes from a page that may not; find out whom it speaks for."""
        headers = self.request.headers
        if not self._is_handshake():
            self._refuse(400, "bad_handshake", "This address is a WebSocket: open it with an upgrade request.")
        elif not self._parts.origins.allows(headers.get("Origin")):
            _log.warning("origin_refused", origin=headers.get("Origin"), address=self._address())
            self._refuse(403, "forbidden_origin", "Pages of this origin may not connect; see ALLOWED_ORIGINS.")
        elif self._parts.draining.is_set() or len(self._parts.registry) >= self._parts.most_connections:
            self._refuse(503, "unavailable", "This server takes no more connections now.")
        elif not self._parts.sockets.may_open(self._address()):
            self._refuse(429, "too_many", "There are too many connections from this address.")
        else:
            try:
                self._principal = await self._authenticate()
            except DatabaseUnavailableError as error:
                self._refuse(503, "unavailable", error.reason)

    async def _authenticate(self) -> Principal:
        """Return whom the token speaks for, as of now: an event that overtook the look-up has it done again.

        Nothing else runs on the loop between this and `open`.
        """
        registry, token = self._parts.registry, self._token()
        while True:
            seen = registry.last_change
            principal = await self._parts.authenticator.authenticate(token)
            if not registry.has_changed(principal.user_id, since=seen):
                return principal

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002 - Tornado's signature
        """Leave it at what `prepare` decided: Tornado's own rule also knows a request's Host, which anybody can set."""
        return True

    def _is_handshake(self) -> bool:
        headers = self.request.headers
        connection = [item.strip().lower() for item in headers.get("Connection", "").split(",")]
        return (
            self.request.method == "GET"
            and headers.get("Upgrade", "").lower() == "websocket"
            and "upgrade" in connection
            and "Sec-WebSocket-Key" in headers
        )

    def _token(self) -> str | None:
        for value in self.request.query_arguments.get("access_token", ()):
            return value.decode("ascii", "replace").strip()
        header = self.request.headers.get("Authorization", "")
        return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None

    def _address(self) -> str:
        return client_address(
            peer=self.request.remote_ip or "",
            forwarded_for=self.request.headers.get("X-Forwarded-For", ""),
            trusted=self._parts.proxies,
        )

    def _refuse(self, status: int, error: str, reason: str) -> None:
        self._parts.metrics.count(REFUSED, reason=error)
        if status in (429, 503):  # those that are worth another try
            self.set_header("Retry-After", _RETRY_SECONDS)
        self.answer(status, {"ok": False, "error": error, "reason": reason})

    # The open socket

    def open(self, *_: str, **__: str) -> None:
        """Take the client in; it hears of nothing before it sends a filter."""
        stream = stream_of(self)
        if stream.closed():  # it left during the handshake, and Tornado calls `on_close` only once
            return
        stream.set_nodelay(True)
        principal = ANONYMOUS if self._parts.registry.is_revoked(self._principal.grant_id) else self._principal
        self._connection = Connection(socket=self, stream=stream, principal=principal, limits=self._parts.limits)
        self._parts.registry.add(self._connection)
        self._parts.sockets.opened(self._address())
        self._parts.heartbeat.add(self._connection, at=asyncio.get_running_loop().time())
        self._parts.metrics.count(OPENED)

    def on_message(self, message: str | bytes) -> None:
        """Do what the client says, within its limits."""
        connection = self._connection
        if connection is None or connection.closing is not None:
            return
        if isinstance(message, bytes):
            connection.close(CloseReason.BINARY)
        elif connection.is_too_long(message):
            connection.close(CloseReason.TOO_BIG)
        elif not connection.may_send(len(message), at=asyncio.get_running_loop().time()):
            connection.close(CloseReason.FLOOD)
        else:
            try:
                reply = receive(_Client(connection, self._parts.registry), message)
            except NotJSONError:
                connection.close(CloseReason.INVALID)
            else:
                if reply is not None:
                    connection.send(text_frame(reply))

    def on_ping(self, data: bytes) -> None:
        """Count a client's ping like a message: each makes work; Tornado has answered it already."""
        connection = self._connection
        if connection is not None and not connection.may_send(len(data), at=asyncio.get_running_loop().time()):
            connection.close(CloseReason.FLOOD)

    def on_pong(self, data: bytes) -> None:  # noqa: ARG002 - Tornado's signature
        """Note that the client lives."""
        if self._connection is not None:
            self._connection.answered = True

    def end(self, connection: Connection, reason: CloseReason) -> None:
        """Close the socket from our side; it hears of nothing more."""
        self._forget(connection)
        self._parts.leaving.add(connection)
        log = _log.debug if reason is CloseReason.SHUTDOWN else _log.info
        log("socket_ended", reason=reason.label, user_id=connection.user_id, address=self._address())
        if reason is CloseReason.SLOW:
            self._parts.metrics.count(SLOW_CONSUMERS)
        if reason.code is None:
            stream_of(self).close()
        else:
            self.close(reason.code, reason.text)

    def on_close(self) -> None:
        """Forget the client, whoever ended it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.closing is None:
            connection.closing = CloseReason.CLIENT
            self._forget(connection)
        self._parts.leaving.discard(connection)
        self._parts.metrics.count(CLOSED, reason=connection.closing.label)

    def _forget(self, connection: Connection) -> None:
        self._parts.registry.remove(connection)
        self._parts.sockets.closed(self._address())
        self._parts.heartbeat.remove(connection)


class _Client:
    """A connection as the protocol sees it."""

    def __init__(self, connection: Connection, registry: Registry) -> None:
        self._connection = connection
        self._registry = registry

    @property
    def userid(self) -> str | None:
        return self._connection.principal.userid

    def identify(self, client_id: str) -> None:
        self._connection.client_id = client_id

    def subscribe(self, wanted: Filter) -> None:
        self._registry.subscribe(self._connection, wanted)
