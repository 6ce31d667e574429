"""The client's messages and the replies to them, over a real socket."""

from collections.abc import Callable
from typing import Any

import pytest

FILTER = {"match_policy": "include_any", "clauses": [], "actions": {"create": True, "update": True, "delete": True}}


def error(kind: str, reply_to: object) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind}, "ok": False, "reply_to": reply_to}


def without_description(message: dict[str, Any]) -> dict[str, Any]:
    if "error" in message:
        assert message["error"].pop("description")
    return message


class TestReplies:
    @pytest.mark.parametrize(
        ("message", "reply"),
        [
            ({"type": "ping"}, {"type": "pong", "ok": True}),
            ({"type": "whoami"}, {"type": "whoyouare", "userid": None, "ok": True}),
            ({"messageType": "whoami"}, {"type": "whoyouare", "userid": None, "ok": True}),
            ({"type": "client_id"}, error("invalid_data", None)),
            ({"type": "client_id", "value": None}, error("invalid_data", None)),
            ({"type": "client_id", "value": ""}, error("invalid_data", None)),
            ({"type": "client_id", "value": "x" * 257}, error("invalid_data", None)),
            ({"type": "filter"}, error("invalid_data", None)),
            ({"type": "filter", "filter": None}, error("invalid_data", None)),
            ({"type": "filter", "filter": FILTER | {"match_policy": "x"}}, error("invalid_data", None)),
            ({"filter": {}}, error("invalid_data", None)),
            ({"type": "subscribe"}, error("invalid_type", None)),
            ({"type": None, "filter": FILTER}, error("invalid_type", None)),
            ({"type": ["ping"]}, error("invalid_type", None)),
            ({"messageType": "x", "filter": FILTER}, error("invalid_type", None)),
            ({}, error("invalid_type", None)),
        ],
    )
    def test_answer_a_message_with_an_id(self, service: Any, message: dict[str, Any], reply: dict[str, Any]) -> None:
        with service.client() as client:
            assert without_description(client.ask(message | {"id": 7})) == reply | {"reply_to": 7}

    @pytest.mark.parametrize("message_id", [0, -3, 2.5, True, False, 2**53])
    def test_need_an_id_that_is_a_number(self, service: Any, message_id: object) -> None:
        with service.client() as client:
            assert client.ask({"type": "ping", "id": message_id})["reply_to"] == message_id

    @pytest.mark.parametrize(
        "message",
        [
            {"type": "ping"},
            {"type": "ping", "id": None},
            {"type": "ping", "id": "1"},
            {"type": "ping", "id": [1]},
            {"type": "nonsense"},
            {"type": "filter", "filter": {}},
            {"type": "client_id", "value": "abc", "id": 1},
            {"messageType": "client_id", "value": "abc", "id": 1},
            {"type": "filter", "filter": FILTER, "id": 1},
            {"filter": FILTER, "id": 1},
            None,
            1,
            "text",
            [],
            [{"type": "ping", "id": 1}],
        ],
    )
    def test_are_not_sent_to_others(self, service: Any, message: object) -> None:
        with service.client() as client:
            client.send(message)
            assert client.ask({"type": "ping", "id": 42}) == {"type": "pong", "ok": True, "reply_to": 42}


class TestClosing:
    @pytest.mark.parametrize("text", ["", "hello", "{", "{'a': 1}", "[" * 3000])
    def test_text_that_is_not_json_closes_for_good(self, service: Any, text: str) -> None:
        with service.client() as client:
            client.socket.send(text)
            assert client.closed() == (1000, "invalid message format")

    def test_a_binary_message_closes(self, service: Any) -> None:
        with service.client() as client:
            client.socket.send(b'{"type": "ping", "id": 1}')
            assert client.closed()[0] == 1003

    @pytest.mark.parametrize("length", [64 * 1024 + 1, 200_000])
    def test_an_oversized_message_closes(self, service: Any, length: int) -> None:
        with service.client() as client:
            client.socket.send('"' + "x" * (length - 2) + '"')
            assert client.closed()[0] == 1009

    def test_one_of_the_longest_allowed_length_is_read(self, service: Any) -> None:
        with service.client() as client:
            client.socket.send('"' + "x" * (64 * 1024 - 2) + '"')
            client.sync()

    def test_a_gigantic_one_is_not_even_read(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_max_message_bytes=1024)
        with service.client() as client:
            client.socket.send("x" * (16 * 1024 + 1))
            assert client.closed()[0] in (1009, None)  # the rest of the message may cut the farewell short

    def test_a_flood_of_messages_closes(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_messages_per_second=1)
        with service.client() as client:
            client.send({"type": "ping", "id": 1})
            client.send({"type": "ping", "id": 2})
            client.send({"type": "ping", "id": 3})
            assert client.receive()["reply_to"] == 1
            assert client.closed() == (1008, "too many messages")

    def test_a_flood_of_pings_closes_too(self, make_service: Callable[..., Any]) -> None:
        service = make_service(websocket_messages_per_second=1)
        with service.client() as client:
            for _ in range(3):
                client.socket.ping()
            assert client.closed()[0] == 1008
