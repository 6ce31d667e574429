"""A TCP proxy that can be told to misbehave: what stands between us and a server whose faults a test needs."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

GARBAGE: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n<nothing>"
FOREIGN: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_CHUNK: Final = 65_536


class Fault(Enum):
    """How the proxy behaves."""

    NONE = "passes everything on"
    AWAY = "closes every connection at once"
    SLOW = "passes the request on, and holds the answer back for `delay_seconds`"
    GARBAGE = "answers with something that is not JSON"
    FOREIGN = "answers with JSON that is none of the server's"


class FaultyProxy(socketserver.ThreadingTCPServer):
    """Listens on a port of its own; connections that are open take up a new fault with their next request."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, url: str) -> None:
        """Begin to listen.

        Args:
            url: The real server.
        """
        super().__init__(("127.0.0.1", 0), _Connection)
        parts = urlsplit(url)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.fault = Fault.NONE
        self.delay_seconds = 5.0
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        """Return the proxy's URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.BaseRequestHandler):
    server: FaultyProxy

    def handle(self) -> None:
        with suppress(OSError):
            if self.server.fault in (Fault.GARBAGE, Fault.FOREIGN):
                self._answer(GARBAGE if self.server.fault is Fault.GARBAGE else FOREIGN)
            elif self.server.fault is not Fault.AWAY:
                self._pass_on()

    def _answer(self, answer: bytes) -> None:
        if self.request.recv(_CHUNK):
            self.request.sendall(answer)

    def _pass_on(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            back = threading.Thread(target=self._pass_back, args=(upstream,), daemon=True)
            back.start()
            while data := self.request.recv(_CHUNK):
                if self.server.fault in (Fault.GARBAGE, Fault.FOREIGN):
                    self.request.sendall(GARBAGE if self.server.fault is Fault.GARBAGE else FOREIGN)
                    break
                if self.server.fault is Fault.AWAY:
                    break
                upstream.sendall(data)
            with suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
            back.join()

    def _pass_back(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while data := upstream.recv(_CHUNK):
                if self.server.fault is Fault.SLOW:
                    self.server.stopped.wait(self.server.delay_seconds)
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_WR)


@contextmanager
def faulty_proxy(url: str) -> Iterator[FaultyProxy]:
    """Lend a proxy in front of the server at `url`; it passes everything on until its `fault` is set."""
    with FaultyProxy(url) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield proxy
        proxy.stopped.set()
        proxy.shutdown()
