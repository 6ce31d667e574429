"""A small server that stands for RabbitMQ and follows a script.

It speaks AMQP 0-9-1 as far as kombu needs it, so that what RabbitMQ does in trouble (refuse, return, stay silent, hang
up, read nothing any more) can be had at will. The journeys of tests/e2e run on RabbitMQ itself.
"""

import socketserver
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_FROZEN_SECONDS = 30.0

_METHOD, _HEADER, _BODY = 1, 2, 3
_FRAME_HEAD = struct.Struct(">BHI")
_CLOSE = (10, 50)
# Requests that are answered by the next method of their class, and with what.
_ANSWERS = {
    (10, 40): b"\0",
    _CLOSE: b"",
    (20, 10): struct.pack(">I", 0),
    (20, 40): b"",
    (40, 10): b"",
    (50, 20): b"",
    (60, 10): b"",
    (85, 10): b"",
}


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _read_short(data: bytes, at: int) -> tuple[str, int]:
    return data[at + 1 : at + 1 + data[at]].decode(), at + 1 + data[at]


class ScriptedBroker(socketserver.ThreadingTCPServer):
    """Takes every message; the script says how each is answered, `ack` when it has ended.

    Attributes:
        script: One word a message that comes: `ack`, `ack all` (of what came before, too), `nack`, `hold` (no answer),
            `freeze` (no answer, and nothing is read for 30 s), `return`, `close channel`, `hang up`.
        published: Routing key, whether it is mandatory, header and body of each message.
        stored: What a consumer is given: routing key, header and body.
        declared: Name and arguments of each queue.
        missing: Queues that are not there when somebody asks.
        waiting: How many messages wait in a queue, for those who ask; 0 in others.
        acknowledged: Delivery tags.
        connections: How many were opened.
        closed: How many of them were closed in order.
        deaf: Set so that requests are answered no more; messages are, by the script.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        """Begin to listen."""
        super().__init__(("127.0.0.1", 0), _Connection)
        self.script: deque[str] = deque()
        self.published: list[tuple[str, bool, bytes, bytes]] = []
        self.stored: deque[tuple[str, bytes, bytes]] = deque()
        self.declared: list[tuple[str, bytes]] = []
        self.missing: set[str] = set()
        self.waiting: dict[str, int] = {}
        self.acknowledged: list[int] = []
        self.connections = 0
        self.closed = 0
        self.deaf = threading.Event()
        self.stopped = threading.Event()
        self._acked = threading.Condition()

    @property
    def url(self) -> str:
        """Return the broker's URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.server_address[1]}//"

    def acknowledge(self, tag: int) -> None:
        """Keep what a consumer has acknowledged."""
        with self._acked:
            self.acknowledged.append(tag)
            self._acked.notify_all()

    def wait_for_acks(self, count: int) -> None:
        """Wait until consumers have acknowledged so often."""
        with self._acked:
            assert self._acked.wait_for(lambda: len(self.acknowledged) >= count, timeout=20)


class _Connection(socketserver.StreamRequestHandler):
    server: ScriptedBroker

    def handle(self) -> None:
        self._tag = 0
        self.server.connections += 1
        self.rfile.read(8)
        start = b"\0\x09" + struct.pack(">I", 0) + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5) + b"en_US"
        self._send(0, 10, 10, start)
        while True:
            if not (head := self.rfile.read(_FRAME_HEAD.size)):
                return
            kind, channel, size = _FRAME_HEAD.unpack(head)
            data = self.rfile.read(size + 1)[:-1]
            if kind == _METHOD and not self._on_method(channel, struct.unpack(">HH", data[:4]), data[4:]):
                return

    def _frame(self, kind: int, channel: int, data: bytes) -> None:
        self.wfile.write(_FRAME_HEAD.pack(kind, channel, len(data)) + data + b"\xce")

    def _send(self, channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> None:
        self._frame(_METHOD, channel, struct.pack(">HH", class_id, method_id) + arguments)

    def _send_content(self, channel: int, header: bytes, body: bytes) -> None:
        self._frame(_HEADER, channel, header)
        self._frame(_BODY, channel, body)

    def _on_method(self, channel: int, method: tuple[int, int], data: bytes) -> bool:
        if method in _ANSWERS:
            self.server.closed += method == _CLOSE
            if self.server.deaf.is_set():
                self.server.stopped.wait(_FROZEN_SECONDS)
                return False
            self._send(channel, method[0], method[1] + 1, _ANSWERS[method])
        elif method == (10, 11):
            self._send(0, 10, 30, struct.pack(">HIH", 100, 131072, 60))
        elif method == (50, 10):
            name, at = _read_short(data, 2)
            if data[at] & 1 and name in self.server.missing:  # asked whether it is there
                self._send(channel, 20, 40, struct.pack(">H", 404) + _short("NOT_FOUND") + struct.pack(">HH", 50, 10))
                return True
            self.server.missing.discard(name)
            self.server.declared.append((name, data[at:]))
            self._send(channel, 50, 11, _short(name) + struct.pack(">II", self.server.waiting.get(name, 0), 0))
        elif method == (60, 20):
            self._on_consume(channel, data)
        elif method == (60, 30):
            self._send(channel, 60, 31, _short(_read_short(data, 0)[0]))
        elif method == (60, 80):
            self.server.acknowledge(struct.unpack(">Q", data[:8])[0])
        elif method == (60, 40):
            return self._on_publish(channel, data)
        return True

    def _on_consume(self, channel: int, data: bytes) -> None:
        _, at = _read_short(data, 2)
        consumer_tag, _ = _read_short(data, at)
        self._send(channel, 60, 21, _short(consumer_tag))
        for tag, (key, header, body) in enumerate(self.server.stored, 1):
            deliver = _short(consumer_tag) + struct.pack(">QB", tag, 0) + _short("h.events") + _short(key)
            self._send(channel, 60, 60, deliver)
            self._send_content(channel, header, body)

    def _on_publish(self, channel: int, data: bytes) -> bool:
        exchange, at = _read_short(data, 2)
        key, at = _read_short(data, at)
        mandatory = bool(data[at] & 1)
        header, body = self._read_frame(), self._read_frame()
        self._tag += 1
        self.server.published.append((key, mandatory, header, body))
        self.server.stored.append((key, header, body))
        answer = self.server.script.popleft() if self.server.script else "ack"
        if answer == "return":
            self._send(channel, 60, 50, struct.pack(">H", 312) + _short("NO_ROUTE") + _short(exchange) + _short(key))
            self._send_content(channel, header, body)
        match answer:
            case "hang up":
                return False
            case "freeze":
                self.server.stopped.wait(_FROZEN_SECONDS)
                return False
            case "close channel":
                self._send(channel, 20, 40, struct.pack(">H", 404) + _short("NOT_FOUND") + struct.pack(">HH", 60, 40))
            case "nack":
                self._send(channel, 60, 120, struct.pack(">QB", self._tag, 0))
            case "ack" | "return":
                self._send(channel, 60, 80, struct.pack(">QB", self._tag, 0))
            case "ack all":
                self._send(channel, 60, 80, struct.pack(">QB", self._tag, 1))
        return True

    def _read_frame(self) -> bytes:
        _, _, size = _FRAME_HEAD.unpack(self.rfile.read(_FRAME_HEAD.size))
        return self.rfile.read(size + 1)[:-1]


@contextmanager
def scripted_broker() -> Iterator[ScriptedBroker]:
    """Lend a broker that acknowledges everything until its `script` says otherwise."""
    with ScriptedBroker() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.stopped.set()
        server.shutdown()
