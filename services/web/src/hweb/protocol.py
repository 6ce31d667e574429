"""The server's HTTP protocol with bounds that uvicorn leaves to a proxy.

They are how long a request's head may be, how long a client may take over its request, and how many requests a
connection may bring. Without them one connection could fill the memory with a header that never ends, some hundred idle
ones could use up the file descriptors, and of several serving processes one may keep most connections for good: whoever
wakes first accepts all that wait, and a proxy then uses them for hours. The next one is accepted by a process that has
time for it. A body's length is the middleware's affair.
"""

import secrets
from asyncio import TimerHandle, Transport
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Longest request line with all headers; what arrives in one piece may be somewhat longer. Above it, 431."""

HEAD_SECONDS: Final = 20
"""How long the head of a request may take, from the connection or from its first byte."""

BODY_SECONDS: Final = 60
"""How long the next piece of a body may take."""

MOST_REQUESTS: Final = 100
"""Most requests that a connection brings; at least half of that. Not the same for all: those that came at once shall
not leave at once."""

_REASON: Final = b"The head of the request is too long.\n"
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\n"
    b"connection: close\r\n"
    b"\r\n"
    b"%s"
) % (len(_REASON), _REASON)


class BoundedProtocol(HttpToolsProtocol):
    """One connection; closed when its client is too slow, or says too much before a request.

    A request that arrives in one piece sets no timer.
    """

    head_seconds: float = HEAD_SECONDS
    body_seconds: float = BODY_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        self._requests_left = MOST_REQUESTS // 2 + secrets.randbelow(MOST_REQUESTS // 2 + 1)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # so is uvicorn's own
        """Expect a request."""
        super().connection_made(transport)
        self._expect(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head that is not complete yet is too long already."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_body:
            self._expect(self.body_seconds)
        elif self._in_head or self._is_idle:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_TOO_LONG)
                self.transport.close()
            elif self._deadline is None:
                self._expect(self.head_seconds)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that its head is complete, and let the connection's last request end it."""
        self._in_head, self._in_body, self._head_bytes = False, True, 0
        self._expect(None)
        super().on_headers_complete()
        self._requests_left -= 1
        if self._requests_left <= 0:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Note that all of it is here: the next one may take its time, which uvicorn limits itself."""
        self._in_body = False
        self._expect(None)
        super().on_message_complete()

    @property
    def _is_idle(self) -> bool:
        """Return whether no request is being answered: what came then begins one, though it were empty lines."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _expect(self, seconds: float | None) -> None:
        """Let the client have so long for what comes next; None for as long as it likes."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
