"""Frames of a batch, gathered by socket."""

import asyncio
from collections.abc import Callable
from typing import Any

from hcommon.events.annotations import AnnotationUpdated
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.metrics import Metrics
from hwebsocket.writes import MOST_BYTES, MOST_FRAMES, Writes

METRICS = Metrics(host=None, port=0, prefix="")


class Connection:
    """Notes what each write was made of."""

    def __init__(self, *, open_: bool = True) -> None:
        self._open = open_
        self.writes: list[tuple[bytes, ...]] = []

    def send(self, *frames: bytes) -> bool:
        self.writes.append(frames)
        return self._open


def gathered(frames: list[bytes], *, queue_bytes: int = 10**6) -> list[tuple[bytes, ...]]:
    writes, connection = Writes(metrics=METRICS, queue_bytes=queue_bytes), Connection()
    one: Any = connection
    for frame in frames:
        writes.add(one, frame)
    asyncio.run(writes.flush())
    asyncio.run(writes.flush())
    return connection.writes


class TestWrites:
    def test_all_frames_of_a_socket_are_one_write_in_their_order(self) -> None:
        assert gathered([b"a", b"b", b"c"]) == [(b"a", b"b", b"c")]

    def test_no_more_is_gathered_than_a_client_may_have_waiting(self) -> None:
        assert gathered([b"x" * 6, b"y" * 6], queue_bytes=10) == [(b"x" * 6,), (b"y" * 6,)]
        long = b"x" * (MOST_BYTES // 2)
        assert [len(write) for write in gathered([long] * 5)] == [2, 2, 1]

    def test_no_more_frames_are_gathered_than_one_call_takes(self) -> None:
        assert [len(write) for write in gathered([b"x"] * (MOST_FRAMES + 1))] == [MOST_FRAMES, 1]


class TestBurst:
    def test_every_socket_gets_every_event_in_order(
        self, make_service: Callable[..., Any], world: Any, new_page: Callable[[], str]
    ) -> None:
        service, page = make_service(), new_page()
        annotations = [world.annotation(target_uri=page, text="x" * 3000) for _ in range(60)]
        with service.client() as one, service.client() as two:
            one.subscribe(uri=[page])
            two.subscribe(uri=[page])
            for annotation in annotations:
                world.publish(AnnotationUpdated, annotation=annotation)
            expected = [annotation_id_to_urlsafe(annotation.id) for annotation in annotations]
            for client in (one, two):
                assert [client.receive()["payload"][0]["id"] for _ in annotations] == expected
