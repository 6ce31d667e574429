"""Confirms, returns and consuming over AMQP, against a small server that follows a script.

It speaks AMQP 0-9-1 as far as kombu needs it, so that what RabbitMQ does in trouble (refuse, return, stay silent, hang
up) can be had at will. The journeys of tests/e2e run on RabbitMQ itself.
"""

import socketserver
import struct
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hcommon.bus import topology
from hcommon.bus.confirms import Confirms, NotConfirmedError
from hcommon.bus.consumer import EventConsumer
from hcommon.bus.publisher import BrokerUnavailableError, OutgoingEvent, Publisher, UnroutableError
from hcommon.db.engine import DatabaseUnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Consumer
from hcommon.testing.clock import START
from kombu import Connection

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
# Requests that are answered by the next method of their class, and with what.
ANSWERS = {
    (10, 40): b"\0",
    (10, 50): b"",
    (20, 10): struct.pack(">I", 0),
    (20, 40): b"",
    (40, 10): b"",
    (50, 20): b"",
    (60, 10): b"",
    (85, 10): b"",
}


def short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def read_short(data: bytes, at: int) -> tuple[str, int]:
    return data[at + 1 : at + 1 + data[at]].decode(), at + 1 + data[at]


class ScriptedBroker(socketserver.ThreadingTCPServer):
    """Takes every message; the script says how each is answered, `ack` when it has ended."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ScriptedConnection)
        self.script: deque[str] = deque()
        self.published: list[tuple[str, bool, bytes, bytes]] = []
        self.stored: deque[tuple[str, bytes, bytes]] = deque()
        self.declared: list[tuple[str, bytes]] = []
        self.missing: set[str] = set()
        self.acknowledged: list[int] = []
        self.acked = threading.Condition()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.server_address[1]}//"

    def wait_for_acks(self, count: int) -> None:
        with self.acked:
            assert self.acked.wait_for(lambda: len(self.acknowledged) >= count, timeout=20)


class ScriptedConnection(socketserver.StreamRequestHandler):
    """One client."""

    server: ScriptedBroker

    def handle(self) -> None:
        self.tag = 0
        self.rfile.read(8)
        start = b"\0\x09" + struct.pack(">I", 0) + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5) + b"en_US"
        self.send(0, 10, 10, start)
        while True:
            head = self.rfile.read(7)
            if len(head) < 7:
                return
            kind, channel, size = struct.unpack(">BHI", head)
            data = self.rfile.read(size + 1)[:-1]
            if kind == METHOD and not self.on_method(channel, *struct.unpack(">HH", data[:4]), data[4:]):
                return

    def frame(self, kind: int, channel: int, data: bytes) -> None:
        self.wfile.write(struct.pack(">BHI", kind, channel, len(data)) + data + b"\xce")

    def send(self, channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> None:
        self.frame(METHOD, channel, struct.pack(">HH", class_id, method_id) + arguments)

    def send_content(self, channel: int, header: bytes, body: bytes) -> None:
        self.frame(HEADER, channel, header)
        self.frame(BODY, channel, body)

    def on_method(self, channel: int, class_id: int, method_id: int, data: bytes) -> bool:
        method = (class_id, method_id)
        if method in ANSWERS:
            self.send(channel, class_id, method_id + 1, ANSWERS[method])
        elif method == (10, 11):
            self.send(0, 10, 30, struct.pack(">HIH", 100, 131072, 60))
        elif method == (50, 10):
            name, at = read_short(data, 2)
            if data[at] & 1 and name in self.server.missing:  # asked whether it is there
                self.send(channel, 20, 40, struct.pack(">H", 404) + short("NOT_FOUND") + struct.pack(">HH", 50, 10))
                return True
            self.server.missing.discard(name)
            self.server.declared.append((name, data[at:]))
            self.send(channel, 50, 11, short(name) + struct.pack(">II", 0, 0))
        elif method == (60, 20):
            self.on_consume(channel, data)
        elif method == (60, 30):
            self.send(channel, 60, 31, short(read_short(data, 0)[0]))
        elif method == (60, 80):
            with self.server.acked:
                self.server.acknowledged.append(struct.unpack(">Q", data[:8])[0])
                self.server.acked.notify_all()
        elif method == (60, 40):
            return self.on_publish(channel, data)
        return True

    def on_consume(self, channel: int, data: bytes) -> None:
        _, at = read_short(data, 2)
        consumer_tag, _ = read_short(data, at)
        self.send(channel, 60, 21, short(consumer_tag))
        for tag, (key, header, body) in enumerate(self.server.stored, 1):
            deliver = short(consumer_tag) + struct.pack(">QB", tag, 0) + short("h.events") + short(key)
            self.send(channel, 60, 60, deliver)
            self.send_content(channel, header, body)

    def on_publish(self, channel: int, data: bytes) -> bool:
        exchange, at = read_short(data, 2)
        key, at = read_short(data, at)
        mandatory = bool(data[at] & 1)
        header, body = self.read_frame(), self.read_frame()
        self.tag += 1
        self.server.published.append((key, mandatory, header, body))
        self.server.stored.append((key, header, body))
        answer = self.server.script.popleft() if self.server.script else "ack"
        if answer == "return":
            self.send(channel, 60, 50, struct.pack(">H", 312) + short("NO_ROUTE") + short(exchange) + short(key))
            self.send_content(channel, header, body)
        match answer:
            case "hang up":
                return False
            case "close channel":
                self.send(channel, 20, 40, struct.pack(">H", 404) + short("NOT_FOUND") + struct.pack(">HH", 60, 40))
            case "nack":
                self.send(channel, 60, 120, struct.pack(">QB", self.tag, 0))
            case "ack" | "return":
                self.send(channel, 60, 80, struct.pack(">QB", self.tag, 0))
            case "ack all":
                self.send(channel, 60, 80, struct.pack(">QB", self.tag, 1))
        return True

    def read_frame(self) -> bytes:
        _, _, size = struct.unpack(">BHI", self.rfile.read(7))
        return self.rfile.read(size + 1)[:-1]


@pytest.fixture
def broker() -> Iterator[ScriptedBroker]:
    with ScriptedBroker() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def outgoing(*keys: int, event_type: str = "annotation.created") -> list[OutgoingEvent]:
    event = AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1)
    return [OutgoingEvent(key, event_type, event.model_dump_json()) for key in keys]


class TestPublishing:
    def test_declares_the_queues_first(self, broker: ScriptedBroker) -> None:
        with Publisher(broker.url):
            pass
        assert [name for name, _ in broker.declared] == ["h.worker", "h.indexer"]
        assert all(b"x-queue-type" in data and b"quorum" in data for _, data in broker.declared)

    def test_a_batch_is_confirmed_together(self, broker: ScriptedBroker) -> None:
        broker.script.extend(["hold", "ack", "hold", "ack all", "ack"])
        with Publisher(broker.url) as publisher:
            assert publisher.publish_all(outgoing(1, 2, 3, 4, 5)) == frozenset()
            assert publisher.publish_all(outgoing(6)) == frozenset()
        assert [mandatory for _, mandatory, _, _ in broker.published] == [True] * 6

    def test_says_which_messages_no_queue_took(self, broker: ScriptedBroker) -> None:
        broker.script.extend(["ack", "return", "ack"])
        with Publisher(broker.url) as publisher:
            assert publisher.publish_all(outgoing(10, 11, 12)) == frozenset({11})
            assert publisher.publish_all(outgoing(13)) == frozenset()

    def test_one_that_no_queue_took_is_an_error(self, broker: ScriptedBroker) -> None:
        broker.script.append("return")
        with Publisher(broker.url) as publisher, pytest.raises(UnroutableError):
            publisher.publish(event_type="annotation.created", payload={}, consumer=None, attempts=0)

    def test_does_not_insist_on_websockets(self, broker: ScriptedBroker) -> None:
        with Publisher(broker.url) as publisher:
            publisher.publish_all(outgoing(1, event_type="grant.revoked"))
        assert [mandatory for _, mandatory, _, _ in broker.published] == [False]

    @pytest.mark.parametrize("trouble", ["nack", "hang up", "close channel"])
    def test_trouble_is_told(self, broker: ScriptedBroker, trouble: str) -> None:
        broker.script.extend(["ack", trouble])
        with Publisher(broker.url) as publisher, pytest.raises(BrokerUnavailableError):
            publisher.publish_all(outgoing(1, 2))

    def test_silence_is_told(self, broker: ScriptedBroker) -> None:
        broker.script.append("hold")
        with Connection(broker.url) as connection:
            channel = connection.channel()
            confirms = Confirms(channel)
            confirms.expect()
            message = channel.prepare_message("{}", content_encoding="utf-8", headers={}, properties={})
            channel.basic_publish(message, exchange="h.events")
            with pytest.raises(NotConfirmedError, match="in time"):
                confirms.wait(connection, timeout_seconds=0.1)


class TestConsuming:
    def test_acknowledges_after_the_handler(self, broker: ScriptedBroker, recorder: Any, running: Any) -> None:
        with Publisher(broker.url) as publisher:
            publisher.publish_all(outgoing(1, 2))
        consumer = EventConsumer(
            broker_url=broker.url,
            queue=topology.service_queue(Consumer.WORKER),
            handle=recorder.handle,
            failures=recorder,
        )
        with running(consumer):
            recorder.next_received()
            recorder.next_received()
            broker.wait_for_acks(2)
        assert broker.acknowledged == [1, 2]

    def test_waits_for_postgresql_with_the_connection_kept(
        self, broker: ScriptedBroker, recorder: Any, running: Any
    ) -> None:
        away = [True, True, False, False]

        def fail(_: object) -> None:
            if away.pop(0):
                raise DatabaseUnavailableError("away")

        recorder.fail = fail
        with Publisher(broker.url) as publisher:
            publisher.publish_all(outgoing(1, 2))
        consumer = EventConsumer(
            broker_url=broker.url,
            queue=topology.service_queue(Consumer.WORKER),
            handle=recorder.handle,
            failures=recorder,
        )
        with running(consumer):
            recorder.next_received()
            recorder.next_received()
            broker.wait_for_acks(2)
        assert broker.acknowledged == [1, 2]

    @pytest.mark.parametrize("is_missing", [True, False])
    def test_says_when_the_queue_was_gone_and_events_with_it(
        self, broker: ScriptedBroker, recorder: Any, running: Any, *, is_missing: bool
    ) -> None:
        queue = topology.websocket_queue("one")
        broker.missing = {queue.name} if is_missing else set()
        said: list[str] = []
        connected = threading.Event()

        def on_connected() -> None:
            said.append("connected")
            connected.set()

        consumer = EventConsumer(
            broker_url=broker.url,
            queue=queue,
            handle=recorder.handle,
            failures=recorder,
            on_connected=on_connected,
            on_missed=lambda: said.append("missed"),
        )
        with running(consumer):
            assert connected.wait(20)
        assert said == (["missed", "connected"] if is_missing else ["connected"])
