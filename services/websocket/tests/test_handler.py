"""Handshakes: who may connect, and whom the socket speaks for."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest
from hcommon.testing.clock import START
from hwebsocket.connection import CloseReason
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\n\r\n"
)
SITE = "https://annotate.example.org"


def get(service: Any, path: str, *, method: str = "GET") -> tuple[int, Any]:
    """Return the status and the JSON body of an answer."""
    with closing(HTTPConnection("127.0.0.1", service.service.port, timeout=10)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("Server") is None
        return answer.status, json.loads(body) if body else None


def handshake_status(service: Any, **options: Any) -> int:
    """Return the status with which a handshake is answered."""
    try:
        with service.client(**options):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def whoami(service: Any, **options: Any) -> str | None:
    with service.client(**options) as client:
        answer = client.ask({"type": "whoami", "id": 1})
        assert answer == {"type": "whoyouare", "userid": answer["userid"], "ok": True, "reply_to": 1}
        userid: str | None = answer["userid"]
        return userid


class TestPaths:
    def test_an_unknown_path_is_404_in_json(self, service: Any) -> None:
        status, body = get(service, "/nothing?access_token=x")
        assert status == 404
        assert (body["ok"], body["error"]) == (False, "not_found")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
    def test_a_plain_request_is_a_bad_handshake(self, service: Any, method: str) -> None:
        status, body = get(service, "/ws", method=method)
        assert status == 400
        if method != "HEAD":
            assert (body["ok"], body["error"]) == (False, "bad_handshake")

    @pytest.mark.parametrize(
        "headers",
        [
            {"Upgrade": "websocket"},
            {
                "Upgrade": "websocket",
                "Connection": "keep-alive",
                "Sec-WebSocket-Key": "x",
                "Sec-WebSocket-Version": "13",
            },
            {"Upgrade": "h2c", "Connection": "Upgrade", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"},
            {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
        ],
    )
    def test_half_a_handshake_is_a_bad_one(self, service: Any, headers: dict[str, str]) -> None:
        assert raw_status(service, headers) == 400

    def test_an_old_version_of_the_protocol_is_told_which_one_we_speak(self, service: Any) -> None:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "eHh4",
            "Sec-WebSocket-Version": "8",
        }
        assert raw_status(service, headers) == 426

    def test_a_method_that_there_is_not_is_405(self, service: Any) -> None:
        status, body = get(service, "/livez", method="DELETE")
        assert (status, body["error"]) == (405, "method_not_allowed")


def raw_status(service: Any, headers: dict[str, str]) -> int:
    lines = ["GET /ws HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection(("127.0.0.1", service.service.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(100).split()[1])


class TestOrigin:
    @pytest.mark.parametrize(
        ("origin", "status"),
        [(SITE, 101), (None, 101), ("https://evil.test", 403), ("http://annotate.example.org", 403), ("null", 403)],
    )
    def test_of_the_site_or_none_may_connect(self, service: Any, origin: str | None, status: int) -> None:
        assert handshake_status(service, origin=origin) == status

    def test_that_equals_the_host_header_is_not_enough(self, service: Any) -> None:
        assert handshake_status(service, origin=service.http) == 403

    def test_that_is_listed_may_connect(self, make_service: Callable[..., Any]) -> None:
        service = make_service(allowed_origins="https://other.test https://third.test:8443")
        assert handshake_status(service, origin="https://third.test:8443") == 101
        assert handshake_status(service, origin=SITE) == 101
        assert handshake_status(service, origin="https://third.test") == 403

    def test_may_be_any_with_a_star(self, make_service: Callable[..., Any]) -> None:
        assert handshake_status(make_service(allowed_origins="*"), origin="https://evil.test") == 101


class TestAuthentication:
    def test_a_token_in_the_query(self, service: Any, world: Any) -> None:
        assert whoami(service, token=world.token(world.user(username="queenie"))) == "acct:queenie@example.org"

    def test_a_bearer_token(self, service: Any, world: Any) -> None:
        token = world.token(world.user(username="beata"))
        for scheme in ("Bearer", "bearer"):
            headers = {"Authorization": f"{scheme} {token}"}
            assert whoami(service, additional_headers=headers) == "acct:beata@example.org"

    def test_the_query_goes_before_the_header(self, service: Any, world: Any) -> None:
        asked, other = world.token(world.user(username="asked")), world.token(world.user())
        headers = {"Authorization": f"Bearer {other}"}
        assert whoami(service, token=asked, additional_headers=headers) == "acct:asked@example.org"

    @pytest.mark.parametrize("token", [None, "", "unknown", "%00", "%E2%98%83", "%FF%FE", "a&access_token=b"])
    def test_no_or_an_invalid_token_is_anonymous(self, service: Any, token: str | None) -> None:
        assert whoami(service, token=token) is None

    @pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "5768-abc"])
    def test_so_is_any_other_authorization(self, service: Any, value: str) -> None:
        assert whoami(service, additional_headers={"Authorization": value}) is None

    def test_an_expired_token_is_anonymous(self, service: Any, world: Any) -> None:
        user = world.user()
        assert whoami(service, token=world.token(user, expires=START - timedelta(seconds=1))) is None
        assert whoami(service, token=world.token(user, expires=START + timedelta(seconds=1))) is not None


class TestUnavailable:
    def test_with_the_database_away_a_token_is_answered_503_and_nobody_becomes_anonymous(
        self, make_service: Callable[..., Any], own_world: Any
    ) -> None:
        service = make_service(database_url=own_world.database_url)
        token = own_world.token(own_world.user(username="patient"))
        with own_world.without_database():
            assert handshake_status(service, token=token) == 503
            assert handshake_status(service) == 101
            status, body = get(service, "/_status")
            assert status == 503
            assert body["checks"]["database"]["ok"] is False
            assert body["checks"]["broker"]["ok"] is True
        assert whoami(service, token=token) == "acct:patient@example.org"

    def test_a_database_that_is_too_busy_is_answered_503(
        self, make_service: Callable[..., Any], world: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hwebsocket.authentication._TIMEOUT_SECONDS", 0.05)
        service, token, done = make_service(database_pool_size=1), world.token(world.user()), threading.Event()
        service.service._executor.submit(done.wait)
        assert handshake_status(service, token=token) == 503
        done.set()

    def test_a_bug_is_answered_500_without_detail(self, make_service: Callable[..., Any], own_world: Any) -> None:
        service, token = make_service(database_url=own_world.database_url), own_world.token(own_world.user())
        with own_world.session() as session:
            session.execute(text("ALTER TABLE token RENAME TO elsewhere"))
        with pytest.raises(InvalidStatus) as caught, service.client(token=token):
            pass
        assert caught.value.response.status_code == 500
        body = json.loads(caught.value.response.body or b"")
        assert body == {"ok": False, "error": "error", "reason": "Internal Server Error"}

    def test_above_the_most_connections_a_handshake_is_answered_503(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_max_connections=2)
        with service.client(), service.client():
            assert handshake_status(service) == 503
        service.until(lambda: len(service.service.registry) == 0)
        assert handshake_status(service) == 101

    def test_above_the_most_connections_of_an_address_a_handshake_is_answered_429(
        self, make_service: Callable[..., Any]
    ) -> None:
        service = make_service(websocket_max_connections_per_address=2, trusted_proxies=("127.0.0.0/8",))
        here, elsewhere = {"X-Forwarded-For": "8.8.8.8"}, {"X-Forwarded-For": "8.8.4.4"}
        with service.client(additional_headers=here), service.client(additional_headers=here):
            assert handshake_status(service, additional_headers=here) == 429
            assert handshake_status(service, additional_headers=elsewhere) == 101
        service.until(lambda: len(service.service.registry) == 0)
        assert handshake_status(service, additional_headers=here) == 101

    def test_while_draining_connections_that_were_open_get_no_socket_any_more(
        self, make_service: Callable[..., Any]
    ) -> None:
        service = make_service()
        address = ("127.0.0.1", service.service.port)
        with (
            socket.create_connection(address, timeout=10) as silent,
            socket.create_connection(address, timeout=10) as early,
        ):
            early.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in early.recv(1000)
            silent.sendall(HANDSHAKE)
            assert b" 101 " in silent.recv(1000)
            stopping = service.begin_to_stop()  # waits for the farewell of the silent one
            assert silent.recv(100)[:1] == b"\x88"
            early.sendall(HANDSHAKE)
            assert b" 503 " in early.recv(1000)
        stopping.result(10)


class TestStatus:
    @pytest.mark.parametrize("path", ["/readyz", "/_status"])
    def test_names_every_check(self, service: Any, path: str) -> None:
        status, body = get(service, path)
        assert status == 200
        assert body["status"] == "okay"
        assert all(check["ok"] for check in body["checks"].values())
        assert body["checks"].keys() == {"database", "broker", "events", "connections"}

    def test_livez_asks_nobody(self, service: Any) -> None:
        assert get(service, "/livez") == (200, {"status": "okay"})


class TestClosing:
    def test_a_client_that_leaves_is_forgotten(self, make_service: Callable[..., Any]) -> None:
        service = make_service()
        with service.client() as client:
            client.subscribe(group="__world__")
            assert service.call(lambda: len(service.service.registry)) == 1
        service.until(lambda: len(service.service.registry) == 0)
        assert not service.service.registry.is_anybody_listening
        assert not service.service._heartbeat._due

    def test_a_client_that_leaves_during_the_handshake_is_forgotten_too(
        self, make_service: Callable[..., Any], world: Any
    ) -> None:
        service, token, done = make_service(database_pool_size=1), world.token(world.user()), threading.Event()
        service.service._executor.submit(done.wait)
        request = HANDSHAKE.replace(b"GET /ws ", f"GET /ws?access_token={token} ".encode())
        with socket.create_connection(("127.0.0.1", service.service.port), timeout=10) as connection:
            connection.sendall(request)
            service.until(lambda: service.service._executor._work_queue.qsize() == 1)
            (http_connection,) = service.call(lambda: list(service.service._server._connections))
        service.until(http_connection.stream.closed)
        done.set()
        assert whoami(service, token=token) is not None  # the executor has one thread: the other came before
        service.until(lambda: len(service.service.registry) == 0)

    def test_what_a_client_says_after_we_closed_is_not_done(self, make_service: Callable[..., Any]) -> None:
        service = make_service()
        with service.client() as client:
            client.sync()
            (connection,) = service.call(lambda: list(service.service.registry))
            handler = connection._socket

            def close_and_receive() -> None:
                connection.close(CloseReason.SHUTDOWN)
                handler.on_message("not json")
                handler.on_ping(b"")

            service.call(close_and_receive)
            assert client.closed() == (1012, "service restart")
        assert connection.closing is CloseReason.SHUTDOWN


class TestStop:
    def test_sends_every_client_away_and_leaves_nothing(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_drain_seconds=0.05)
        with ExitStack() as stack:
            clients = [stack.enter_context(service.client()) for _ in range(10)]
            for client in clients:
                client.sync()
            service.stop()
            assert {client.closed() for client in clients} == {(1012, "service restart")}
        assert len(service.service.registry) == 0

    def test_does_not_wait_for_a_client_that_does_not_answer(
        self, make_service: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hwebsocket.app._FAREWELL_SECONDS", 0.05)
        service = make_service()
        with socket.create_connection(("127.0.0.1", service.service.port), timeout=10) as connection:
            connection.sendall(HANDSHAKE)
            assert b" 101 " in connection.recv(1000)
            service.until(lambda: len(service.service.registry) == 1)
            service.stop()
            assert connection.recv(100)[:4] == b"\x88\x11\x03\xf4"  # a close frame of 17 bytes, code 1012


class TestPort:
    def test_is_the_one_that_was_asked_for_on_every_address(self, make_service: Callable[..., Any]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        service = make_service(websocket_port=port)
        assert service.service.port == port
        assert get(service, "/livez")[0] == 200
