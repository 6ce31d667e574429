"""Confirms, returns and consuming over AMQP, against a small server that follows a script."""

import threading
import time
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
from hcommon.testing.rabbitmq import ScriptedBroker, scripted_broker
from kombu import Connection


@pytest.fixture
def broker() -> Iterator[ScriptedBroker]:
    with scripted_broker() as server:
        yield server


def outgoing(*keys: int, event_type: str = "annotation.created") -> list[OutgoingEvent]:
    event = AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1)
    return [OutgoingEvent(key, event_type, event.model_dump_json()) for key in keys]


class TestPublishing:
    def test_declares_the_queues_first(self, broker: ScriptedBroker) -> None:
        with Publisher(broker.url):
            pass
        assert broker.closed == 1
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

    @pytest.mark.parametrize("silence", ["hold", "freeze"])
    def test_a_broker_that_confirms_nothing_is_given_up_and_not_waited_for(
        self, broker: ScriptedBroker, silence: str
    ) -> None:
        broker.script.append(silence)
        started = time.monotonic()
        with Publisher(broker.url, answer_timeout_seconds=0.5) as publisher, pytest.raises(BrokerUnavailableError):
            publisher.publish_all(outgoing(1))
        assert time.monotonic() - started < 5
        assert broker.closed == 0

    def test_nor_is_one_that_freezes_afterwards(self, broker: ScriptedBroker) -> None:
        started = time.monotonic()
        with Publisher(broker.url, answer_timeout_seconds=0.5) as publisher:
            publisher.publish_all(outgoing(1))
            broker.deaf.set()
        assert time.monotonic() - started < 5

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
