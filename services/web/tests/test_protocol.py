"""Bounds of a connection, on a server that listens."""

import socket
import threading
from collections.abc import Iterator
from time import monotonic

import pytest
import uvicorn
from hweb.protocol import MAX_HEAD_BYTES, MOST_REQUESTS, BoundedProtocol
from starlette.types import Receive, Scope, Send

PATIENCE_SECONDS = 10


class HastyProtocol(BoundedProtocol):
    """The same with less patience."""

    head_seconds = 0.3
    body_seconds = 0.3


async def length_of_body(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(length).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server with the protocol that the test names, else the usual one."""
    protocol = getattr(request, "param", BoundedProtocol)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(length_of_body, http=protocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(PATIENCE_SECONDS)
    listening.close()


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connected:
        yield connected


def answer(connection: socket.socket) -> bytes:
    """Return everything until the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def answer_of(connection: socket.socket, body: bytes) -> bytes:
    """Return what comes up to and with this body."""
    found = b""
    while not found.endswith(b"\r\n\r\n" + body):
        part = connection.recv(65_536)
        assert part, found
        found += part
    return found


class TestTheHead:
    def test_that_never_ends_is_refused(self, connection: socket.socket) -> None:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")
        with pytest.raises(ConnectionError):  # noqa: PT012 - however much was sent when the server closed
            for number in range(1_000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"a" * 8_000))
            connection.sendall(b"\r\n")
        assert number * 8_000 < 100 * MAX_HEAD_BYTES

    def test_of_one_endless_header_is_refused_with_a_reason(self, connection: socket.socket) -> None:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
        sent = 0
        while sent <= MAX_HEAD_BYTES:
            sent += connection.send(b"a" * 4_000)
        assert answer(connection).startswith(b"HTTP/1.1 431 ")

    def test_may_be_long_and_come_in_pieces(self, connection: socket.socket) -> None:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")
        for number in range(7):
            connection.sendall(b"X-%d: %s\r\n" % (number, b"a" * 8_000))
        connection.sendall(b"\r\n")
        assert answer_of(connection, b"0").startswith(b"HTTP/1.1 200 ")

    def test_counts_by_itself_on_a_connection_of_many_requests(self, connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
            connection.sendall(b"a" * 40_000)
            connection.sendall(b"\r\n\r\n")
            assert answer_of(connection, b"0").startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("port", [HastyProtocol], indirect=True)
    @pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: h\r\n", b"\r\n"])
    def test_has_so_much_time_and_no_more(self, connection: socket.socket, sent: bytes) -> None:
        started = monotonic()
        connection.sendall(sent)
        assert answer(connection) == b""
        assert monotonic() - started < PATIENCE_SECONDS / 2

    @pytest.mark.parametrize("port", [HastyProtocol], indirect=True)
    def test_has_no_more_time_after_another_request(self, connection: socket.socket) -> None:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        answer_of(connection, b"0")
        connection.sendall(b"\r\n")
        assert answer(connection) == b""


class TestTheConnection:
    def test_ends_with_one_of_its_requests_and_says_so(self, port: int) -> None:
        counts = set()
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
                count, head = 0, b""
                while b"connection: close" not in head:
                    connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                    head = answer_of(connection, b"0")
                    count += 1
                assert answer(connection) == b""  # it is closed
            assert MOST_REQUESTS // 2 <= count <= MOST_REQUESTS
            counts.add(count)
        assert len(counts) > 1  # not all of them at once


class TestTheBody:
    def test_may_be_far_longer_than_a_head(self, connection: socket.socket) -> None:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"a" * 10_000)
        assert answer_of(connection, b"1000000").startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("port", [HastyProtocol], indirect=True)
    def test_that_stops_half_way_ends_the_connection(self, connection: socket.socket) -> None:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        assert answer(connection) == b""
