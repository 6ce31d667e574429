"""Plain HTTP to Elasticsearch at a fifth of the cost, for searches.

A search costs the web process more in the HTTP client than in anything that it does itself. So this takes the client's
own extension point, a node class: it keeps connections, and leaves parsing to the parser that the web server reads
requests with. It knows neither TLS nor compression.
"""

import socket
import time
from collections import deque
from typing import Final

import elastic_transport
import httptools
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders, NodeConfig
from elastic_transport._node import NodeApiResponse  # what a node returns, which the package forgets to export
from elastic_transport.client_utils import DEFAULT, DefaultType

RECEIVED_AT_ONCE: Final = 64 * 1024


class PlainNode(BaseNode):
    """One server, and the connections to it that nobody uses at the moment; threads share it.

    A server closes connections that were idle for long, so a request that a kept one did not answer is sent again over
    another: take this only for requests that may be repeated.
    """

    _CLIENT_META_HTTP_CLIENT = ("ht", httptools.__version__)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._host_field = f"host: {host}:{config.port}\r\n"
        self._idle: deque[socket.socket] = deque()

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """Send a request and return its answer; the limit is for all of it, connecting and sending again included.

        Raises:
            elastic_transport.ConnectionTimeout: There was no whole answer in time.
            elastic_transport.ConnectionError: The server is away, or its answer is not HTTP.
        """
        started = time.monotonic()
        seconds = self.config.request_timeout if request_timeout is DEFAULT else request_timeout
        deadline = None if seconds is None else started + seconds
        try:
            answer = self._answer(self._message(method, target, body or b"", headers), deadline)
        except TimeoutError as error:
            raise elastic_transport.ConnectionTimeout("No answer in time.", errors=(error,)) from error
        except (OSError, httptools.HttpParserError) as error:
            raise elastic_transport.ConnectionError(repr(error), errors=(error,)) from error
        meta = ApiResponseMeta(
            node=self.config,
            duration=time.monotonic() - started,
            http_version="1.1",
            status=answer.status,
            headers=answer.headers,
        )
        return NodeApiResponse(meta, b"".join(answer.parts))

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while (connection := self._kept()) is not None:
            connection.close()

    def _message(self, method: str, target: str, body: bytes, headers: HttpHeaders | None) -> bytes:
        fields = "".join([f"{name}: {value}\r\n" for name, value in {**self.headers, **(headers or {})}.items()])
        line = f"{method} {self.path_prefix}{target} HTTP/1.1\r\n"
        return f"{line}{self._host_field}{fields}content-length: {len(body)}\r\n\r\n".encode() + body

    def _answer(self, message: bytes, deadline: float | None) -> "_Answer":
        while (kept := self._kept()) is not None:
            answer = self._ask(kept, message, deadline)
            if answer is not None:
                return answer
        fresh = socket.create_connection((self.host, self.port), timeout=_left(deadline))
        fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = self._ask(fresh, message, deadline)
        if answer is None:
            raise ConnectionResetError("closed without an answer")
        return answer

    def _kept(self) -> socket.socket | None:
        try:
            return self._idle.pop()  # the one that was used last, so that others may end
        except IndexError:
            return None

    def _ask(self, connection: socket.socket, message: bytes, deadline: float | None) -> "_Answer | None":
        """Return the answer, or None when the connection was closed before there was any of it."""
        answer, may_be_kept = _Answer(), False
        parser = httptools.HttpResponseParser(answer)
        try:
            connection.settimeout(_left(deadline))
            connection.sendall(message)
            while not answer.is_complete:
                connection.settimeout(_left(deadline))
                received = connection.recv(RECEIVED_AT_ONCE)
                if received:
                    parser.feed_data(received)
                elif answer.has_begun:
                    raise ConnectionAbortedError("closed before the end of the answer")
                else:
                    return None
            answer.status = parser.get_status_code()
            may_be_kept = answer.headers.get("connection") != "close"
        except (BrokenPipeError, ConnectionResetError):
            if answer.has_begun:
                raise
            return None
        finally:
            if may_be_kept:
                self._idle.append(connection)
            else:
                connection.close()
        return answer


class _Answer:
    """What the parser has found so far."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = HttpHeaders()
        self.parts: list[bytes] = []
        self.has_begun = self.is_complete = False

    def on_message_begin(self) -> None:
        if self.has_begun:
            raise ValueError("another answer, to no request of ours")
        self.has_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.is_complete = True


def _left(deadline: float | None) -> float | None:
    """Return how many seconds are left.

    Raises:
        TimeoutError: None.
    """
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
