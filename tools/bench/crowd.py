"""A crowd of websocket clients in one thread: an epoll loop that counts frames and looks at few of them.

A client library would cost more processor time than the server that it measures. This one sends what the Hypothesis
client sends on open (filter, client_id, whoami) and knows of RFC 6455 what it needs: short unmasked frames in, masked
ones out, pings answered, closes noted.
"""

import os
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

import orjson

_READ_BYTES = 256 * 1024
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_BROWSER = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36\r\nUpgrade: websocket\r\nOrigin: {origin}\r\nSec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Member:
    """One client: `token` None is anonymous, `page` is what its filter asks for."""

    token: str | None
    page: str


@dataclass(slots=True)
class _Peer:
    member: Member
    address: tuple[str, int]
    stream: socket.socket
    left: bytes = b""
    upgraded: bool = False
    ready: bool = False
    gone: bool = False


@dataclass
class Crowd:
    """Clients of one server, or of several.

    Attributes:
        urls: Of the sockets, `ws://host:port/ws`; members take them in turn.
        origin: What pages claim to come from.
        notified: Frames with notifications, by all members together.
        arrivals: When each came (`time.perf_counter`), while `timed`.
        closes: When and with which code members were closed by the server.
    """

    urls: list[str]
    origin: str
    notified: int = 0
    timed: bool = False
    arrivals: list[float] = field(default_factory=list)
    closes: list[tuple[float, int | None]] = field(default_factory=list)
    refused: Counter[bytes] = field(default_factory=Counter)
    ready: int = 0

    def __post_init__(self) -> None:
        """Make the poll object."""
        self._poll = select.epoll()
        self._peers: dict[int, _Peer] = {}
        parts = [urlsplit(url) for url in self.urls]
        self._addresses = cycle([(part.hostname or "", part.port or 80) for part in parts])
        self._buffer = bytearray(_READ_BYTES)

    def __len__(self) -> int:
        """Return how many are connected."""
        return len(self._peers)

    def join(self, members: Iterable[Member], *, seconds: float = 60) -> float:
        """Connect all of them at once; return the seconds until the last one's `whoami` was answered."""
        started = time.perf_counter()
        wanted = self.ready
        for member in members:
            self._connect(member)
            wanted += 1
        self.run(lambda: self.ready >= wanted, seconds=seconds)
        return time.perf_counter() - started

    def leave(self) -> None:
        """Close everything."""
        for peer in self._peers.values():
            peer.stream.close()
        self._peers.clear()
        self.ready = 0

    def run(self, until: Callable[[], bool], *, seconds: float) -> None:
        """Read until a condition holds.

        Raises:
            SystemExit: It did not in that time.
        """
        deadline = time.perf_counter() + seconds
        while not until():
            if time.perf_counter() > deadline:
                raise SystemExit(
                    f"Not within {seconds} s: {len(self)} connected, {self.ready} ready, {self.notified} frames, "
                    f"refused {dict(self.refused)}, closed {Counter(code for _, code in self.closes)}"
                )
            for number, what in self._poll.poll(0.05, 512):
                if (peer := self._peers.get(number)) is not None:
                    self._attend(peer, what)

    def _connect(self, member: Member) -> None:
        opened = socket.socket()
        opened.settimeout(0)
        address = next(self._addresses)
        opened.connect_ex(address)
        self._peers[opened.fileno()] = _Peer(member, address, opened)
        self._poll.register(opened, select.EPOLLOUT)

    def _attend(self, peer: _Peer, what: int) -> None:
        if what & select.EPOLLOUT:
            path = "/ws" + (f"?access_token={peer.member.token}" if peer.member.token else "")
            host = f"{peer.address[0]}:{peer.address[1]}"
            try:
                peer.stream.send(_BROWSER.format(path=path, host=host, origin=self.origin).encode())
            except OSError:
                self._gone(peer, None)
                return
            self._poll.modify(peer.stream, select.EPOLLIN)
        else:
            self._read(peer)

    def _read(self, peer: _Peer) -> None:
        try:
            size = peer.stream.recv_into(self._buffer)
        except OSError:
            size = 0
        now = time.perf_counter()
        if not size:
            self._gone(peer, None)
            return
        data = peer.left + self._buffer[:size] if peer.left else bytes(self._buffer[:size])
        if not peer.upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                peer.left = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.refused[head[:32]] += 1
                self._gone(peer, None)
                return
            peer.upgraded = True
            for message in _greeting(peer.member.page):
                peer.stream.send(_masked(_TEXT, message))
        peer.left = self._frames(peer, data, now)

    def _frames(self, peer: _Peer, data: bytes, now: float) -> bytes:
        """Take every whole frame off the data and return the rest."""
        at, length = 0, len(data)
        while length - at >= 2:  # noqa: PLR2004 - the shortest frame
            size, head = data[at + 1], 2
            if size == 126:  # noqa: PLR2004 - RFC 6455, section 5.2
                size, head = struct.unpack_from("!H", data, at + 2)[0], 4
            elif size == 127:  # noqa: PLR2004
                size, head = struct.unpack_from("!Q", data, at + 2)[0], 10
            if length - at < head + size:
                break
            kind, start = data[at] & 0xF, at + head
            at = start + size
            if kind == _TEXT and data.startswith(b'{"type":"annotation-notification"', start):
                self.notified += 1
                if self.timed:
                    self.arrivals.append(now)
            elif kind != _TEXT or not peer.ready:
                self._other(peer, kind, data[start:at], now)
                if peer.gone:
                    return b""
        return data[at:]

    def _other(self, peer: _Peer, kind: int, payload: bytes, now: float) -> None:
        if kind == _PING:
            peer.stream.send(_masked(_PONG, payload))
        elif kind == _CLOSE:
            self.closes.append((now, struct.unpack("!H", payload[:2])[0] if payload else None))
            peer.stream.send(_masked(_CLOSE, payload[:2]))
            self._gone(peer, 0)
        elif (answer := orjson.loads(payload))["type"] == "whoyouare":
            if (answer["userid"] is None) != (peer.member.token is None):
                raise SystemExit(f"A socket speaks for {answer['userid']}.")
            peer.ready = True
            self.ready += 1

    def _gone(self, peer: _Peer, code: int | None) -> None:
        if code is None:
            self.closes.append((time.perf_counter(), None))
        self._peers.pop(peer.stream.fileno())
        peer.stream.close()
        peer.gone = True
        self.ready -= peer.ready


def _greeting(page: str) -> list[bytes]:
    clause = {"field": "/uri", "operator": "one_of", "value": [page], "case_sensitive": False}
    actions = {"create": True, "update": True, "delete": True}
    return [
        orjson.dumps({"filter": {"match_policy": "include_any", "clauses": [clause], "actions": actions}}),
        orjson.dumps({"messageType": "client_id", "value": os.urandom(16).hex()}),
        orjson.dumps({"type": "whoami", "id": 1}),
    ]


def _masked(kind: int, payload: bytes) -> bytes:
    """Return a client's frame; its mask is zero, which is one of those that there are."""
    size = len(payload)
    head = struct.pack("!BB", 0x80 | kind, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | kind, 0xFE, size)  # noqa: PLR2004
    return head + bytes(4) + payload
