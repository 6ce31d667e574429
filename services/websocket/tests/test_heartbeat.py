"""Pings, and clients that are gone."""

import base64
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hwebsocket.frames import PING


@contextmanager
def silent_client(service: Any) -> Iterator[socket.socket]:
    """Open a socket that answers no pings."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = ["Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    request = "\r\n".join(["GET /ws HTTP/1.1", *headers, f"Sec-WebSocket-Key: {key}", "", ""])
    with socket.create_connection(("127.0.0.1", service.service.port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(1)
        assert b" 101 " in answer
        yield connection


class TestHeartbeat:
    def test_a_client_that_answers_stays(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_ping_interval_seconds=0.05)
        with service.client() as client:
            client.sync()
            (connection,) = service.call(lambda: list(service.service.registry))
            due = [service.call(lambda: service.service._heartbeat._due[connection])]
            for _ in range(3):
                service.until(lambda: service.service._heartbeat._due.get(connection, due[-1]) > due[-1])
                due.append(service.call(lambda: service.service._heartbeat._due[connection]))
            client.sync()

    def test_one_that_does_not_is_let_go_without_a_farewell(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_ping_interval_seconds=0.05)
        with silent_client(service) as connection:
            received = b""
            while (data := connection.recv(100)) and len(received) < 10:
                received += data
            assert received == PING
        service.until(lambda: len(service.service.registry) == 0)

    def test_one_that_left_in_between_is_not_pinged(self, make_service: Callable[..., Any]) -> None:
        service = make_service()
        with service.client() as client:
            client.sync()
            (connection,) = service.call(lambda: list(service.service.registry))
        service.until(lambda: len(service.service.registry) == 0)

        def beat_with_a_late_entry() -> None:
            service.service._heartbeat.add(connection, at=-100.0)
            service.service._heartbeat.beat(at=0.0)

        service.call(beat_with_a_late_entry)
        assert not service.service._heartbeat._due
