"""Consuming on the Redis transport: order, batches, failures, outages."""

import json
import threading
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
import redis
from hcommon.bus import topology
from hcommon.bus.consumer import EventConsumer
from hcommon.bus.publisher import OutgoingEvent, Publisher
from hcommon.db.engine import DatabaseUnavailableError
from hcommon.errors import UnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Consumer, Event
from hcommon.testing.clock import START
from hstandalone.valkey import EmbeddedValkey
from kombu import Connection, Producer
from structlog.contextvars import get_contextvars


def events(count: int) -> list[AnnotationCreated]:
    return [
        AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=number, request_id="r1")
        for number in range(count)
    ]


def publish(url: str, sent: Sequence[Event], *, attempts: int = 0) -> None:
    with Publisher(url) as publisher:
        publisher.publish_all(
            [
                OutgoingEvent(key, event.TYPE, event.model_dump_json(), "worker", attempts)
                for key, event in enumerate(sent)
            ]
        )


def publish_raw(url: str, body: Any, *, headers: dict[str, Any], content_type: str = "application/json") -> None:
    with Connection(url) as connection:
        Producer(connection.channel(), exchange=topology.EXCHANGE).publish(
            body, routing_key="to.worker", headers=headers, content_type=content_type, content_encoding="utf-8"
        )


class TestDelivery:
    def test_hands_over_in_order_and_leaves_nothing(
        self, bus_url: str, bus_client: redis.Redis, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        sent = events(30)
        with running(worker_consumer):
            publish(bus_url, sent)
            assert [recorder.next_received() for _ in sent] == sent
        assert bus_client.llen("h.worker") == 0
        assert bus_client.llen("h.worker.in-hand") == 0

    def test_what_came_while_nobody_consumed_is_there(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        sent = events(3)
        publish(bus_url, sent)
        with running(worker_consumer):
            assert [recorder.next_received() for _ in sent] == sent

    def test_gathers_what_comes_close_together_into_batches(self, bus_url: str, recorder: Any, running: Any) -> None:
        consumer = EventConsumer(
            broker_url=bus_url,
            queue=topology.service_queue(Consumer.WORKER),
            handle=recorder.handle,
            failures=recorder,
            max_batch=8,
            max_wait_seconds=5.0,
        )
        sent = events(20)
        publish(bus_url, sent)
        with running(consumer):
            assert [recorder.next_received() for _ in sent] == sent
        assert [len(batch) for batch in recorder.batches[:2]] == [8, 8]

    def test_tells_how_often_an_event_failed(self, bus_url: str, recorder: Any, running: Any) -> None:
        deliveries: list[Any] = []
        done = threading.Event()

        def take(delivery: Any) -> None:
            deliveries.append(delivery)
            done.set()

        consumer = EventConsumer(
            broker_url=bus_url, queue=topology.service_queue(Consumer.WORKER), handle_delivery=take, failures=recorder
        )
        publish(bus_url, events(1), attempts=7)
        with running(consumer):
            assert done.wait(20)
        assert deliveries[0].attempts == 7

    def test_one_that_cannot_be_handled_leaves_those_beside_it_alone(
        self, bus_url: str, bus_client: redis.Redis, recorder: Any, running: Any
    ) -> None:
        sent = events(3)

        def take(delivery: Any) -> None:
            if delivery.event == sent[1]:
                raise ValueError
            recorder.handle([delivery.event])

        consumer = EventConsumer(
            broker_url=bus_url,
            queue=topology.service_queue(Consumer.WORKER),
            handle_delivery=take,
            failures=recorder,
            max_batch=3,
        )
        publish(bus_url, sent)
        with running(consumer):
            assert [recorder.next_received(), recorder.next_received()] == [sent[0], sent[2]]
            delivery, _ = recorder.next_buried()
        assert delivery.event == sent[1]
        assert bus_client.llen("h.worker") == 0

    def test_told_to_stop_among_several_it_gives_back_the_rest_only(
        self, bus_url: str, bus_client: redis.Redis, recorder: Any, running: Any
    ) -> None:
        sent = events(3)
        consumer = EventConsumer(
            broker_url=bus_url,
            queue=topology.service_queue(Consumer.WORKER),
            handle_delivery=lambda delivery: recorder.handle([delivery.event]),
            failures=recorder,
            max_batch=3,
            max_wait_seconds=5.0,
        )
        with running(consumer) as stop:
            recorder.fail = lambda _: stop.set()
            publish(bus_url, sent)
            assert recorder.next_received() == sent[0]
        assert recorder.has_more is False
        assert bus_client.llen("h.worker") == 2

    def test_the_log_names_event_and_request(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        seen: list[dict[str, Any]] = []
        recorder.fail = lambda _: seen.append(dict(get_contextvars()))
        sent = events(1)
        publish(bus_url, sent)
        with running(worker_consumer):
            recorder.next_received()
        assert seen == [{"event_id": str(sent[0].id), "request_id": "r1"}]

    def test_a_handler_is_required_and_only_one(self, bus_url: str, recorder: Any) -> None:
        with pytest.raises(TypeError):
            EventConsumer(broker_url=bus_url, queue=topology.service_queue(Consumer.WORKER), failures=recorder)


class TestUnknownMessages:
    @pytest.mark.parametrize(
        "message",
        [
            ("{}", {"type": "group.painted"}, "application/json"),
            ("{}", {}, "application/json"),
            ("{}", {"type": "annotation.created"}, "application/json"),
            ("[]", {"type": "annotation.created"}, "application/json"),
            ("{", {"type": "annotation.created"}, "application/json"),
            ("\x00", {"type": "annotation.created"}, "application/x-python-serialize"),
        ],
    )
    def test_are_counted_and_do_not_stop_the_queue(
        self,
        bus_url: str,
        worker_consumer: EventConsumer,
        recorder: Any,
        running: Any,
        message: tuple[str, dict[str, Any], str],
    ) -> None:
        body, headers, content_type = message
        with running(worker_consumer):
            publish_raw(bus_url, body, headers=headers, content_type=content_type)
            assert recorder.next_unknown() == headers.get("type", "")
            sent = events(1)
            publish(bus_url, sent)
            assert recorder.next_received() == sent[0]

    def test_a_count_of_failures_that_is_none_is_no_crash(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        with running(worker_consumer):
            publish_raw(
                bus_url, events(1)[0].model_dump_json(), headers={"type": "annotation.created", "attempts": "many"}
            )
            assert recorder.next_unknown() == "annotation.created"

    def test_unknown_fields_are_ignored_but_kept_for_a_retry(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        def fail(_: object) -> None:
            raise UnavailableError("away")

        recorder.fail = fail
        payload = events(1)[0].model_dump(mode="json") | {"colour": "red"}
        with running(worker_consumer):
            publish_raw(bus_url, json.dumps(payload), headers={"type": "annotation.created", "attempts": 2})
            delivery = recorder.next_retried()
        assert json.loads(delivery.payload())["colour"] == "red"
        assert delivery.attempts == 2


class TestFailures:
    def test_a_passing_fault_is_put_off_and_the_next_event_handled(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        bad, good = events(2)

        def fail(batch: Sequence[Event]) -> None:
            if bad in batch:
                raise UnavailableError("away")

        recorder.fail = fail
        with running(worker_consumer):
            publish(bus_url, [bad, good])
            assert recorder.next_retried().event == bad
            assert recorder.next_received() == good

    def test_a_bug_is_buried_and_the_next_event_handled(
        self, bus_url: str, bus_client: redis.Redis, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        bad, good = events(2)

        def fail(batch: Sequence[Event]) -> None:
            if bad in batch:
                raise KeyError("bug")

        recorder.fail = fail
        with running(worker_consumer):
            publish(bus_url, [bad, good])
            delivery, error = recorder.next_buried()
            assert (delivery.event, type(error)) == (bad, KeyError)
            assert recorder.next_received() == good
        assert bus_client.llen("h.worker.in-hand") == 0

    def test_one_bad_event_does_not_spoil_its_batch(self, bus_url: str, recorder: Any, running: Any) -> None:
        sent = events(5)

        def fail(batch: Sequence[Event]) -> None:
            if sent[2] in batch:
                raise ValueError("bug")

        recorder.fail = fail
        consumer = EventConsumer(
            broker_url=bus_url,
            queue=topology.service_queue(Consumer.WORKER),
            handle=recorder.handle,
            failures=recorder,
            max_batch=5,
            max_wait_seconds=5.0,
        )
        publish(bus_url, sent)
        with running(consumer):
            assert recorder.next_buried()[0].event == sent[2]
            assert [recorder.next_received() for _ in range(4)] == [sent[0], sent[1], sent[3], sent[4]]


class TestDatabaseOutage:
    def test_the_batch_waits_and_is_tried_again(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        away = [True, True, False]

        def fail(_: object) -> None:
            if away.pop(0):
                raise DatabaseUnavailableError("away")

        recorder.fail = fail
        sent = events(1)
        with running(worker_consumer):
            publish(bus_url, sent)
            assert recorder.next_received() == sent[0]

    def test_a_failure_that_cannot_be_kept_waits_too(
        self, bus_url: str, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        away = [True, False]
        bury = recorder.bury

        def bury_later(*arguments: Any) -> None:
            if away.pop(0):
                raise DatabaseUnavailableError("away")
            bury(*arguments)

        def fail(_: object) -> None:
            raise ValueError("bug")

        recorder.fail, recorder.bury = fail, bury_later
        sent = events(1)
        with running(worker_consumer):
            publish(bus_url, sent)
            assert recorder.next_buried()[0].event == sent[0]

    def test_stopped_meanwhile_it_gives_the_event_back(
        self, bus_url: str, bus_client: redis.Redis, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        tried = threading.Event()

        def fail(_: object) -> None:
            tried.set()
            raise DatabaseUnavailableError("away")

        recorder.fail = fail
        publish(bus_url, events(2))
        with running(worker_consumer):
            assert tried.wait(20)
        assert bus_client.llen("h.worker") == 2


class TestOtherOutages:
    def test_a_whole_batch_waits_for_what_the_service_cannot_do_without(
        self, bus_url: str, recorder: Any, running: Any
    ) -> None:
        class IndexAwayError(UnavailableError):
            pass

        away = [True, True, False]
        calls: list[int] = []

        def fail(batch: Sequence[Event]) -> None:
            calls.append(len(batch))
            if away.pop(0):
                raise IndexAwayError("away")

        recorder.fail = fail
        sent = events(3)
        consumer = EventConsumer(
            broker_url=bus_url,
            queue=topology.service_queue(Consumer.WORKER),
            handle=recorder.handle,
            failures=recorder,
            max_batch=3,
            max_wait_seconds=5.0,
            outages={IndexAwayError: "index"},
        )
        publish(bus_url, sent)
        with running(consumer):
            assert [recorder.next_received() for _ in sent] == sent
        assert calls == [3, 3, 3], "none was tried alone or put back"


class TestBrokerOutage:
    def test_consumes_again_when_the_broker_is_back(
        self, own_valkey: EmbeddedValkey, recorder: Any, running: Any
    ) -> None:
        consumer = EventConsumer(
            broker_url=own_valkey.broker_url(0),
            queue=topology.service_queue(Consumer.WORKER),
            handle=recorder.handle,
            failures=recorder,
        )
        first, second = events(2)
        with running(consumer):
            publish(own_valkey.broker_url(0), [first])
            assert recorder.next_received() == first
            assert own_valkey.process is not None
            own_valkey.process.kill()
            own_valkey.start()
            publish(own_valkey.broker_url(0), [second])
            received = recorder.next_received()
            if received == first:  # it died before it heard that the first one was handled
                received = recorder.next_received()
            assert received == second

    def test_what_is_in_hand_when_it_is_stopped_goes_back(
        self, bus_url: str, bus_client: redis.Redis, worker_consumer: EventConsumer, recorder: Any, running: Any
    ) -> None:
        sent = events(4)
        with running(worker_consumer) as stop:
            recorder.fail = lambda _: stop.set()
            publish(bus_url, sent)
            recorder.next_received()
        assert recorder.has_more is False
        assert bus_client.llen("h.worker") == 3
        recorder.fail = lambda _: None
        with running(worker_consumer):
            assert [recorder.next_received() for _ in range(3)] == sent[1:]
