"""One client's limits and queue."""

import asyncio
from socket import socketpair
from typing import Any

import pytest
from hcommon.auth import ANONYMOUS
from hwebsocket.connection import CloseReason, Connection, Limits
from tornado.iostream import IOStream, StreamClosedError


class Socket:
    """Notes how it was ended."""

    def __init__(self) -> None:
        self.ended: list[CloseReason] = []

    def end(self, connection: Connection, reason: CloseReason) -> None:
        self.ended.append(reason)


class Kernel:
    """A socket's buffer, which takes all or nothing."""

    def __init__(self, *, blocked: bool) -> None:
        self.blocked = blocked

    def send(self, data: bytes) -> int:
        if self.blocked:
            raise BlockingIOError
        return len(data)


class Stream:
    """Takes what it is given at once, or when `flush` says so."""

    def __init__(self, *, blocked: bool = False, closed: bool = False) -> None:
        self.blocked = blocked
        self._closed = closed
        self.socket = Kernel(blocked=blocked)
        self.written: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []

    def writing(self) -> bool:
        return any(not future.done() for future in self._waiting)

    def closed(self) -> bool:
        return self._closed

    def write(self, data: bytes) -> "asyncio.Future[None]":
        if self._closed:
            raise StreamClosedError
        self.written.append(data)
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not self.blocked:
            future.set_result(None)
        return future

    async def flush(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        await asyncio.sleep(0)


def connection(stream: Any, **limits: int) -> tuple[Connection, Socket]:
    socket = Socket()
    values = {"message_bytes": 10, "messages_per_second": 5, "queue_bytes": 100} | limits
    return Connection(socket=socket, stream=stream, principal=ANONYMOUS, limits=Limits(**values)), socket


class TestSend:
    def test_a_client_that_reads_gets_any_number_of_frames(self) -> None:
        async def run() -> None:
            one, socket = connection(Stream())
            assert all(one.send(b"x" * 60) for _ in range(10))
            assert socket.ended == []

        asyncio.run(run())

    def test_a_client_that_does_not_read_is_closed_at_the_bound(self) -> None:
        async def run() -> None:
            stream = Stream(blocked=True)
            one, socket = connection(stream)
            assert [one.send(b"x" * 40) for _ in range(4)] == [True, True, False, False]
            assert socket.ended == [CloseReason.SLOW]
            assert len(stream.written) == 2

        asyncio.run(run())

    def test_what_was_read_makes_room(self) -> None:
        async def run() -> None:
            stream = Stream(blocked=True)
            one, socket = connection(stream)
            for _ in range(5):
                assert one.send(b"x" * 80)
                await stream.flush()
            assert socket.ended == []

        asyncio.run(run())

    def test_a_frame_longer_than_the_bound_goes_through_alone(self) -> None:
        async def run() -> None:
            stream = Stream(blocked=True)
            one, socket = connection(stream)
            assert one.send(b"x" * 1000)
            assert not one.send(b"x")
            assert socket.ended == [CloseReason.SLOW]

        asyncio.run(run())

    def test_nothing_is_written_to_a_socket_that_is_gone(self) -> None:
        async def run() -> None:
            one, socket = connection(Stream(closed=True))
            assert not one.send(b"x")
            assert socket.ended == []

        asyncio.run(run())

    def test_a_socket_that_the_client_reset_is_closed(self) -> None:
        async def run() -> None:
            ours, theirs = socketpair()
            ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
            stream = IOStream(ours)
            one, ended = connection(stream)
            theirs.close()
            assert not one.send(b"x")
            assert stream.closed()
            assert not one.send(b"x")
            assert ended.ended == []

        asyncio.run(run())


class TestClose:
    def test_happens_once_for_the_first_reason(self) -> None:
        one, socket = connection(Stream())
        one.close(CloseReason.FLOOD)
        one.close(CloseReason.SHUTDOWN)
        assert socket.ended == [CloseReason.FLOOD]
        assert one.closing is CloseReason.FLOOD


class TestMessages:
    def test_twice_the_rate_at_once_then_the_rate(self) -> None:
        one, _ = connection(Stream())
        assert [one.may_send(100, at=100.0) for _ in range(11)] == [True] * 10 + [False]
        assert [one.may_send(100, at=101.0) for _ in range(6)] == [True] * 5 + [False]

    def test_a_long_message_counts_as_several(self) -> None:
        one, _ = connection(Stream())
        assert [one.may_send(3 * 4096, at=100.0) for _ in range(3)] == [True, True, False]
        assert one.may_send(4095, at=100.0)

    @pytest.mark.parametrize(
        ("message", "too_long"), [("x" * 10, False), ("x" * 11, True), ("ü" * 5, False), ("ü" * 6, True)]
    )
    def test_length_counts_in_bytes(self, message: str, too_long: bool) -> None:
        one, _ = connection(Stream())
        assert one.is_too_long(message) is too_long


class TestCloseReason:
    def test_only_a_client_of_another_protocol_is_told_to_stay_away(self) -> None:
        assert [reason for reason in CloseReason if reason.code in (1000, 1001)] == [CloseReason.INVALID]

    def test_labels_are_names_for_metrics(self) -> None:
        assert len({reason.label for reason in CloseReason}) == len(CloseReason)
