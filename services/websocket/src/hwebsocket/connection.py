"""One client: whom it speaks for, what it may send, and what waits for it."""

from asyncio import Future
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol
from uuid import UUID

from hcommon.auth import Principal
from tornado.iostream import IOStream, StreamClosedError

from hwebsocket.frames import write

_BURST_SECONDS: Final = 2
_LENGTH_THAT_COUNTS: Final = 4096


class CloseReason(Enum):
    """Why a socket ends: name in metrics and log, close code (None: without a farewell), and words for the client.

    The Hypothesis client stays away after 1000 and 1001 and comes back after every other code, first in 2 seconds.
    After REVOKED it comes back with a token that is worth nothing, thus as anybody. NO_PONG sends no frame: if the
    client only slept, a farewell that reaches it late must not keep it away.

    Source: RFC 6455, section 7.4.1, and the registry of close codes; specification of the client, section 3.
    """

    CLIENT = ("client", None, "")
    INVALID = ("invalid", 1000, "invalid message format")
    BINARY = ("binary", 1003, "text messages only")
    FLOOD = ("flood", 1008, "too many messages")
    REVOKED = ("revoked", 1008, "signed out")
    TOO_BIG = ("too_big", 1009, "message too big")
    SHUTDOWN = ("shutdown", 1012, "service restart")
    MISSED = ("missed", 1012, "events were missed")
    SLOW = ("slow", 1013, "reading too slowly")
    NO_PONG = ("no_pong", None, "")

    def __init__(self, label: str, code: int | None, text: str) -> None:
        self.label = label
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may use: bytes a message, messages a second in the long run, bytes that wait for it."""

    message_bytes: int
    messages_per_second: int
    queue_bytes: int


class Socket(Protocol):
    """The part of a websocket that a connection needs."""

    def end(self, connection: "Connection", reason: CloseReason) -> None:
        """Close it, after what waits to be sent; the connection has been told."""
        ...


class Connection:
    """One open socket.

    Attributes:
        principal: Whom it speaks for and what that user may read; replaced when memberships change.
        client_id: The name that the client gave itself, None before it did.
        closing: Why it ends; None while it lives.
        answered: Whether the client answered the last ping.
    """

    __slots__ = (
        "_limits",
        "_pending",
        "_refilled_at",
        "_socket",
        "_stream",
        "_tokens",
        "answered",
        "client_id",
        "closing",
        "grant_id",
        "principal",
        "user_id",
    )

    def __init__(self, *, socket: Socket, stream: IOStream, principal: Principal, limits: Limits) -> None:
        self._socket = socket
        self._stream = stream
        self._limits = limits
        self._pending = 0
        self._tokens = float(limits.messages_per_second * _BURST_SECONDS)
        self._refilled_at = 0.0
        self.principal = principal
        self.user_id: int | None = principal.user_id
        self.grant_id: UUID | None = principal.grant_id
        self.client_id: str | None = None
        self.closing: CloseReason | None = None
        self.answered = True

    def send(self, *frames: bytes) -> bool:
        """Write frames, or close the socket of a client that is too far behind; return whether they were written.

        What is longer than the bound goes through when nothing else waits.
        """
        if self.closing is not None:
            return False
        if self._pending and self._pending + sum(map(len, frames)) > self._limits.queue_bytes:
            self.close(CloseReason.SLOW)
            return False
        try:
            waiting = write(self._stream, frames)
        except StreamClosedError:
            return False
        if waiting is not None:
            size, written = waiting
            self._pending += size

            def on_written(_: "Future[None]") -> None:
                self._pending -= size

            written.add_done_callback(on_written)
        return True

    def may_send(self, length: int, *, at: float) -> bool:
        """Count a message or ping of the client; return False when there were too many.

        Args:
            length: Of the message; it counts once, and once more for each `_LENGTH_THAT_COUNTS`.
            at: The event loop's time, in seconds.
        """
        rate = self._limits.messages_per_second
        self._tokens = min(self._tokens + (at - self._refilled_at) * rate, float(rate * _BURST_SECONDS))
        self._refilled_at = at
        cost = 1 + length // _LENGTH_THAT_COUNTS
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True

    def is_too_long(self, message: str) -> bool:
        """Return whether a message is longer than the client may send."""
        limit = self._limits.message_bytes
        return len(message) > limit or len(message.encode()) > limit

    def close(self, reason: CloseReason) -> None:
        """End it once; nothing is sent after that."""
        if self.closing is None:
            self.closing = reason
            self._socket.end(self, reason)
