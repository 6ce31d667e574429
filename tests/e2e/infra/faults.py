"""A TCP proxy that misbehaves when it is told to, between a container of ours and a server."""

import socket
import socketserver
import threading
from contextlib import suppress
from enum import Enum

NONSENSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n<nothing>"
_CHUNK = 65_536


class Fault(Enum):
    """How it behaves."""

    NONE = "passes everything on"
    SLOW = "holds every answer back for five seconds"
    NONSENSE = "answers by itself, and not in JSON"


class FaultyProxy(socketserver.ThreadingTCPServer):
    """Listens on all addresses of this machine; open connections take up a new fault with their next request.

    Attributes:
        fault: How it behaves now.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int) -> None:
        """Begin to listen in front of a server."""
        super().__init__(("0.0.0.0", 0), _Connection)  # noqa: S104 - containers reach it
        self.upstream = (host, port)
        self.fault = Fault.NONE
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def close(self) -> None:
        """Stop listening, and let go of what is held back."""
        self.over.set()
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    server: FaultyProxy

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.upstream) as upstream:
            threading.Thread(target=self._pass_back, args=(upstream,), daemon=True).start()
            while data := self.request.recv(_CHUNK):
                if self.server.fault is Fault.NONSENSE:
                    self.request.sendall(NONSENSE)
                    return
                upstream.sendall(data)

    def _pass_back(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while data := upstream.recv(_CHUNK):
                if self.server.fault is Fault.SLOW:
                    self.server.over.wait(5)
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_WR)
