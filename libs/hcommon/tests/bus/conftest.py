"""A broker of each test's own, and a consumer in a thread that writes down what it was given."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest
import redis
from hcommon.bus import topology
from hcommon.bus.consumer import Delivery, EventConsumer
from hcommon.errors import UnavailableError
from hcommon.events.base import Consumer, Event
from hstandalone.valkey import EmbeddedValkey

PATIENCE_SECONDS = 20.0
_DATABASE = 3


class Recorder:
    """Stands for a service: keeps what it is given, and fails when told to."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.fail: Callable[[Sequence[Event]], None] = lambda _: None
        self._received: SimpleQueue[Event] = SimpleQueue()
        self._retried: SimpleQueue[Delivery] = SimpleQueue()
        self._buried: SimpleQueue[tuple[Delivery, Exception]] = SimpleQueue()
        self._unknown: SimpleQueue[str] = SimpleQueue()

    def handle(self, events: Sequence[Event]) -> None:
        self.fail(events)
        self.batches.append(list(events))
        for event in events:
            self._received.put(event)

    def retry(self, delivery: Delivery, error: UnavailableError) -> None:
        self._retried.put(delivery)

    def bury(self, delivery: Delivery, error: Exception) -> None:
        self._buried.put((delivery, error))

    def unknown(self, event_type: str) -> None:
        self._unknown.put(event_type)

    def next_received(self) -> Event:
        return self._received.get(timeout=PATIENCE_SECONDS)

    def next_retried(self) -> Delivery:
        return self._retried.get(timeout=PATIENCE_SECONDS)

    def next_buried(self) -> tuple[Delivery, Exception]:
        return self._buried.get(timeout=PATIENCE_SECONDS)

    def next_unknown(self) -> str:
        return self._unknown.get(timeout=PATIENCE_SECONDS)

    @property
    def has_more(self) -> bool:
        return not self._received.empty()


@contextmanager
def _running(consumer: EventConsumer) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    try:
        assert consumer.connected.wait(PATIENCE_SECONDS)
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def running() -> Callable[[EventConsumer], AbstractContextManager[threading.Event]]:
    """Runs a consumer in a thread; the body sees it connected, and afterwards it has stopped."""
    return _running


@pytest.fixture
def bus_url(valkey: EmbeddedValkey) -> str:
    """An empty broker."""
    with redis.Redis.from_url(valkey.url(_DATABASE)) as client:
        client.flushdb()
    return valkey.broker_url(_DATABASE)


@pytest.fixture
def bus_client(valkey: EmbeddedValkey, bus_url: str) -> Iterator[redis.Redis]:
    """Looks into that broker."""
    with redis.Redis.from_url(valkey.url(_DATABASE)) as client:
        yield client


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def worker_consumer(bus_url: str, recorder: Recorder) -> EventConsumer:
    return EventConsumer(
        broker_url=bus_url, queue=topology.service_queue(Consumer.WORKER), handle=recorder.handle, failures=recorder
    )


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A broker that the test may stop and start."""
    with EmbeddedValkey(tmp_path / "valkey", durable=True) as server:
        yield server
