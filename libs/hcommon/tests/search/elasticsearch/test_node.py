"""The plain node, against a server that answers as the script says."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import elastic_transport
import pytest
from elasticsearch import Elasticsearch
from hcommon.search.elasticsearch.client import connect
from hcommon.search.elasticsearch.node import PlainNode

SECONDS = 1.0
HEAD = b"HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\ncontent-type: application/json\r\n"
OK = HEAD + b"content-length: 10\r\n\r\n" + b'{"took":1}'
CHUNKED = HEAD + b'transfer-encoding: chunked\r\n\r\n5\r\n{"too\r\n5\r\nk":1}\r\n0\r\n\r\n'
LAST = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")

Say = Callable[[bytes], None]
Script = Callable[[Say, int], bool]
"""Answers the request of that number, of all connections; False closes the connection."""


class ScriptedServer:
    """Answers requests as `script` says, and keeps them."""

    def __init__(self) -> None:
        self.script: Script = lambda say, _: say(OK) is None
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # which ends the thread's wait, as closing does not
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
                head, separator, body = received.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                if not separator or len(body) < length:
                    continue
                self.requests.append(received)
                received = b""
                if not self.script(connection.sendall, len(self.requests)):
                    return


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    with suppress(OSError):  # the test has closed it
        server.close()


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[Elasticsearch]:
    client = connect(server.url, timeout_seconds=SECONDS, plain_node=PlainNode)
    yield client
    client.close()


def took(client: Elasticsearch) -> int:
    answer: int = client.search(index="x", query={"match_all": {}})["took"]
    return answer


class TestConnections:
    def test_one_serves_one_request_after_the_other(self, server: ScriptedServer, client: Elasticsearch) -> None:
        assert [took(client) for _ in range(3)] == [1, 1, 1]
        assert (server.connections, len(server.requests)) == (1, 3)

    def test_one_that_the_server_means_to_close_is_not_used_again(
        self, server: ScriptedServer, client: Elasticsearch
    ) -> None:
        server.script = lambda say, _: say(LAST) is None
        assert [took(client) for _ in range(2)] == [1, 1]
        assert server.connections == 2

    def test_one_that_was_closed_meanwhile_costs_nothing_but_another(
        self, server: ScriptedServer, client: Elasticsearch
    ) -> None:
        server.script = lambda say, number: say(OK) is None and number != 1
        assert took(client) == 1
        time.sleep(0.1)
        assert took(client) == 1
        assert server.connections == 2

    def test_one_that_is_closed_without_an_answer_is_followed_by_another(
        self, server: ScriptedServer, client: Elasticsearch
    ) -> None:
        server.script = lambda say, number: number != 2 and say(OK) is None
        assert [took(client) for _ in range(2)] == [1, 1]
        assert len(server.requests) == 3

    def test_each_of_many_threads_has_its_own(self, server: ScriptedServer, client: Elasticsearch) -> None:
        def slowly(say: Say, _: int) -> bool:
            time.sleep(0.1)
            return say(OK) is None

        server.script = slowly
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(took(client))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (found, server.connections) == ([1] * 5, 5)


class TestAnswers:
    def test_may_come_in_chunks_and_byte_by_byte(self, server: ScriptedServer, client: Elasticsearch) -> None:
        def byte_by_byte(say: Say, _: int) -> bool:
            for byte in CHUNKED:
                say(bytes([byte]))
            return True

        server.script = byte_by_byte
        assert [took(client) for _ in range(2)] == [1, 1]
        assert server.connections == 1

    @pytest.mark.parametrize("answer", [b"", OK[:-4], b"SSH-2.0-OpenSSH_9.2\r\n"])
    def test_that_are_none_are_errors_of_the_connection(
        self, server: ScriptedServer, client: Elasticsearch, answer: bytes
    ) -> None:
        server.script = lambda say, _: say(answer) is not None
        with pytest.raises(elastic_transport.ConnectionError):
            took(client)

    @pytest.mark.parametrize("more", [OK, b"and some more"])
    def test_that_nobody_asked_for_end_the_connection(
        self, server: ScriptedServer, client: Elasticsearch, more: bytes
    ) -> None:
        server.script = lambda say, number: say(OK + more if number == 1 else OK) is None
        with pytest.raises(elastic_transport.ConnectionError):
            took(client)
        assert took(client) == 1
        assert server.connections == 2

    def test_that_drip_are_too_late_all_the_same(self, server: ScriptedServer, client: Elasticsearch) -> None:
        def drip(say: Say, _: int) -> bool:
            for byte in OK:
                say(bytes([byte]))
                time.sleep(0.1)
            return True

        server.script = drip
        started = time.monotonic()
        with pytest.raises(elastic_transport.ConnectionTimeout):
            took(client)
        assert time.monotonic() - started < SECONDS + 1

    def test_to_one_that_was_given_up_are_not_taken_for_those_to_the_next(
        self, server: ScriptedServer, client: Elasticsearch
    ) -> None:
        def late_at_first(say: Say, number: int) -> bool:
            time.sleep(1.5 * SECONDS if number == 1 else 0)
            return say(OK.replace(b'"took":1', b'"took":%d' % number)) is None

        server.script = late_at_first
        with pytest.raises(elastic_transport.ConnectionTimeout):
            took(client)
        assert took(client) == 2


class TestRequests:
    def test_carry_the_password_of_the_address(self, server: ScriptedServer) -> None:
        url = server.url.replace("//", "//elastic:secret@")
        with connect(url, timeout_seconds=SECONDS, plain_node=PlainNode) as client:
            assert took(client) == 1
        assert b"authorization: Basic ZWxhc3RpYzpzZWNyZXQ=" in server.requests[0]
        assert server.requests[0].startswith(b"POST /x/_search HTTP/1.1\r\nhost: 127.0.0.1:")

    def test_to_nobody_fail_at_once(self, server: ScriptedServer, client: Elasticsearch) -> None:
        server.close()
        with pytest.raises(elastic_transport.ConnectionError):
            took(client)

    def test_of_encrypted_addresses_are_left_to_the_client_itself(self) -> None:
        with connect("https://localhost:1", timeout_seconds=SECONDS, plain_node=PlainNode) as client:
            assert not any(isinstance(node, PlainNode) for node in client.transport.node_pool.all())
