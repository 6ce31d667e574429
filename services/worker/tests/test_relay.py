"""The relay between outbox and broker."""

import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import redis
from hcommon import outbox
from hcommon.bus.publisher import BrokerUnavailableError, OutgoingEvent, Publisher
from hcommon.clock import SystemClock
from hcommon.db.engine import Database, DatabaseUnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.metrics import Metrics
from hcommon.models import OutboxEvent
from hcommon.testing import database as databases
from hcommon.testing.clock import FrozenClock
from hstandalone.postgres import EmbeddedPostgres
from hstandalone.valkey import EmbeddedValkey
from hworker.relay import ADVISORY_LOCK, UNROUTABLE_DELAY, Relay
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

METRICS = Metrics(host=None, port=8125, prefix="h")


class FakePublisher:
    """Stands for the broker."""

    def __init__(self, *, unroutable: Callable[[OutgoingEvent], bool] = lambda _: False) -> None:
        self.published: list[OutgoingEvent] = []
        self.error: Exception | None = None
        self._unroutable = unroutable

    def publish_all(self, events: Sequence[OutgoingEvent]) -> frozenset[int]:
        if self.error is not None:
            raise self.error
        self.published.extend(events)
        return frozenset(event.key for event in events if self._unroutable(event))


def record(database: Database, count: int, *, clock: FrozenClock | SystemClock) -> list[AnnotationCreated]:
    events = [AnnotationCreated(occurred_at=clock.now(), annotation_id=uuid4(), revision=1) for _ in range(count)]
    with database.transaction() as session:
        for event in events:
            outbox.record(session, event)
    return events


def put_off(database: Database, *, until: datetime, clock: FrozenClock) -> None:
    record(database, 1, clock=clock)
    with database.transaction() as session:
        session.execute(update(OutboxEvent).values(due_at=until))


def unpublished(database: Database) -> int:
    with database.read() as connection:
        statement = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None))
        return int(connection.execute(statement).scalar_one())


def delivered(client: redis.Redis, queue: str = "h.worker") -> list[str]:
    """Return the ids of the events in a queue, in the order in which they would be consumed."""
    messages = [orjson.loads(raw) for raw in reversed(client.lrange(queue, 0, -1))]
    return [orjson.loads(base64.b64decode(message["body"]))["id"] for message in messages]


@pytest.fixture
def make_relay(broker_urls: tuple[str, str], fresh_database: Database) -> Callable[..., Relay]:
    def make(**changes: Any) -> Relay:
        values: dict[str, Any] = {
            "database": fresh_database,
            "broker_url": broker_urls[0],
            "clock": SystemClock(),
            "metrics": METRICS,
        }
        return Relay(**(values | changes))

    return make


@contextmanager
def running(*relays: Relay) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


class TestRelayBatch:
    def test_publishes_in_the_order_of_recording_and_marks_it(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        events = record(fresh_database, 5, clock=clock)
        publisher = FakePublisher()
        relay = make_relay(clock=clock)
        assert relay.relay_batch(publisher, limit=3) == 3  # type: ignore[arg-type]  # a fake
        assert relay.relay_batch(publisher, limit=3) == 2  # type: ignore[arg-type]  # a fake
        assert relay.relay_batch(publisher, limit=3) == 0  # type: ignore[arg-type]  # a fake
        assert [orjson.loads(sent.payload)["id"] for sent in publisher.published] == [str(one.id) for one in events]
        assert unpublished(fresh_database) == 0

    def test_leaves_alone_what_is_not_due(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        put_off(fresh_database, until=clock.now() + timedelta(seconds=1), clock=clock)
        publisher, relay = FakePublisher(), make_relay(clock=clock)
        assert relay.relay_batch(publisher, limit=3) == 0  # type: ignore[arg-type]  # a fake
        clock.advance(seconds=1)
        assert relay.relay_batch(publisher, limit=3) == 1  # type: ignore[arg-type]  # a fake

    def test_what_the_broker_did_not_confirm_is_published_again(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        record(fresh_database, 2, clock=clock)
        publisher, relay = FakePublisher(), make_relay(clock=clock)
        publisher.error = BrokerUnavailableError("away")
        with pytest.raises(BrokerUnavailableError):
            relay.relay_batch(publisher, limit=3)  # type: ignore[arg-type]  # a fake
        assert unpublished(fresh_database) == 2

    def test_what_no_queue_took_waits_and_holds_nothing_up(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        record(fresh_database, 3, clock=clock)
        first: list[int] = []

        def is_first(event: OutgoingEvent) -> bool:
            first.append(event.key)
            return event.key == first[0]

        publisher, relay = FakePublisher(unroutable=is_first), make_relay(clock=clock)
        assert relay.relay_batch(publisher, limit=3) == 3  # type: ignore[arg-type]  # a fake
        assert unpublished(fresh_database) == 1
        assert relay.relay_batch(publisher, limit=3) == 0  # type: ignore[arg-type]  # a fake
        clock.advance(seconds=UNROUTABLE_DELAY.total_seconds())
        assert relay.relay_batch(publisher, limit=3) == 1  # type: ignore[arg-type]  # a fake

    def test_lets_another_relay_finish_first(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        record(fresh_database, 1, clock=clock)
        relay = make_relay(clock=clock)
        with fresh_database.transaction() as session:
            session.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            assert relay.relay_batch(FakePublisher(), limit=3) == 0  # type: ignore[arg-type]  # a fake
        assert relay.relay_batch(FakePublisher(), limit=3) == 1  # type: ignore[arg-type]  # a fake


class TestWrongClocks:
    def test_an_event_of_a_service_whose_clock_is_ahead_is_not_kept_waiting(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        record(fresh_database, 1, clock=FrozenClock(clock.now() + timedelta(minutes=30)))
        relay = make_relay(clock=clock)
        assert relay.relay_batch(FakePublisher(), limit=3) == 1  # type: ignore[arg-type]  # a fake
        assert relay.oldest_age() == timedelta()

    def test_a_retry_that_was_put_off_for_longer_than_any_is_due(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        put_off(fresh_database, until=clock.now() + timedelta(days=30), clock=clock)
        assert make_relay(clock=clock).relay_batch(FakePublisher(), limit=3) == 1  # type: ignore[arg-type]  # a fake

    def test_a_clock_that_is_put_back_publishes_nothing_twice_and_keeps_nothing(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        relay, publisher = make_relay(clock=clock), FakePublisher()
        record(fresh_database, 1, clock=clock)
        assert relay.relay_batch(publisher, limit=3) == 1  # type: ignore[arg-type]  # a fake
        record(fresh_database, 1, clock=clock)
        clock.advance(hours=-2)
        assert relay.relay_batch(publisher, limit=3) == 1  # type: ignore[arg-type]  # a fake
        assert relay.relay_batch(publisher, limit=3) == 0  # type: ignore[arg-type]  # a fake

    def test_a_running_relay_sees_what_was_recorded_ahead_of_its_time(
        self, make_relay: Callable[..., Relay], fresh_database: Database, poll: Callable[..., Any]
    ) -> None:
        ahead = FrozenClock(SystemClock().now() + timedelta(minutes=30))
        with running(make_relay()):
            record(fresh_database, 1, clock=ahead)
            poll(lambda: unpublished(fresh_database) == 0, "published")


class TestOldestAge:
    def test_is_that_of_the_oldest_event_that_is_due(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        relay = make_relay(clock=clock)
        assert relay.oldest_age() == timedelta()
        record(fresh_database, 1, clock=clock)
        record(fresh_database, 1, clock=FrozenClock(clock.now() + timedelta(days=1)))
        clock.advance(seconds=30)
        assert relay.oldest_age() == timedelta(seconds=30)


class TestRun:
    def test_two_relays_double_and_lose_nothing_and_keep_the_order(
        self,
        make_relay: Callable[..., Relay],
        fresh_database: Database,
        bus_client: Any,
        poll: Callable[..., Any],
    ) -> None:
        events = []
        with running(make_relay(batch_size=100), make_relay(batch_size=70)):
            for _ in range(4):
                events += record(fresh_database, 500, clock=SystemClock())
            poll(lambda: unpublished(fresh_database) == 0, "all published")
        assert delivered(bus_client) == [str(event.id) for event in events]

    def test_a_rolled_back_transaction_publishes_nothing(
        self,
        make_relay: Callable[..., Relay],
        fresh_database: Database,
        bus_client: Any,
        poll: Callable[..., Any],
    ) -> None:
        def fail() -> None:
            with fresh_database.transaction() as session:
                outbox.record(
                    session, AnnotationCreated(occurred_at=SystemClock().now(), annotation_id=uuid4(), revision=1)
                )
                raise RuntimeError

        with running(make_relay()):
            with pytest.raises(RuntimeError):
                fail()
            kept = record(fresh_database, 1, clock=SystemClock())
            poll(lambda: bus_client.llen("h.worker"), "published")
        assert delivered(bus_client) == [str(kept[0].id)]

    def test_events_wait_while_the_broker_is_away(
        self,
        make_relay: Callable[..., Relay],
        fresh_database: Database,
        tmp_path: Path,
        poll: Callable[..., Any],
    ) -> None:
        with EmbeddedValkey(tmp_path / "valkey") as broker:
            with running(make_relay(broker_url=broker.broker_url(0))):
                first = record(fresh_database, 1, clock=SystemClock())
                poll(lambda: unpublished(fresh_database) == 0, "published")
                assert broker.process is not None
                broker.process.kill()
                second = record(fresh_database, 50, clock=SystemClock())
                assert unpublished(fresh_database) == 50
                broker.start()
                poll(lambda: unpublished(fresh_database) == 0, "published after the outage")
            with redis.Redis.from_url(broker.url(0)) as client:
                found = delivered(client)
        assert set(found) == {str(event.id) for event in first + second}

    def test_goes_on_when_postgresql_is_back(
        self,
        make_relay: Callable[..., Relay],
        bus_client: Any,
        server_directory: Path,
        poll: Callable[..., Any],
    ) -> None:
        with EmbeddedPostgres(server_directory / "own-postgres-relay") as server:
            database = Database(databases.create_template(server.url), pool_size=4)
            with running(make_relay(database=database)):
                first = record(database, 1, clock=SystemClock())
                poll(lambda: bus_client.llen("h.worker") == 1, "published")
                assert server.process is not None
                server.process.kill()
                server.start()
                second = poll(lambda: _try(lambda: record(database, 1, clock=SystemClock())), "recorded again")
                poll(lambda: bus_client.llen("h.worker") == 2, "published again")
            database.close()
        assert delivered(bus_client) == [str(event.id) for event in first + second]

    def test_a_publisher_that_dies_between_broker_and_commit_publishes_again(
        self,
        make_relay: Callable[..., Relay],
        fresh_database: Database,
        bus_client: Any,
        broker_urls: tuple[str, str],
    ) -> None:
        events = record(fresh_database, 1, clock=SystemClock())
        relay = make_relay()

        class Dying(Publisher):
            def publish_all(self, events: Sequence[OutgoingEvent]) -> frozenset[int]:
                super().publish_all(events)
                raise BrokerUnavailableError("the confirm did not come through")

        with Dying(broker_urls[0]) as publisher, pytest.raises(BrokerUnavailableError):
            relay.relay_batch(publisher, limit=10)
        with Publisher(broker_urls[0]) as publisher:
            relay.relay_batch(publisher, limit=10)
        assert delivered(bus_client) == [str(events[0].id)] * 2


def _try(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except DatabaseUnavailableError:  # the server is not back yet
        return None


class TestLog:
    def test_one_line_a_batch_names_the_requests(
        self, make_relay: Callable[..., Relay], fresh_database: Database, clock: FrozenClock
    ) -> None:
        with fresh_database.transaction() as session:
            for request_id in ("click-1", "click-1", None):
                event = AnnotationCreated(
                    occurred_at=clock.now(), annotation_id=uuid4(), revision=1, request_id=request_id
                )
                outbox.record(session, event)
        with capture_logs() as lines:
            make_relay(clock=clock).relay_batch(FakePublisher(), limit=10)
        (line,) = [line for line in lines if line["event"] == "events_published"]
        assert (line["events"], line["types"], line["request_ids"]) == (3, ["annotation.created"], ["click-1"])
