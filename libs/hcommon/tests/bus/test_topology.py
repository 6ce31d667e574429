"""Names, bindings and properties of the queues."""

import pytest
from hcommon.bus import topology
from hcommon.events import catalog
from hcommon.events.base import Consumer


def keys(queue: object) -> set[str]:
    return {binding.routing_key for binding in queue.bindings}  # type: ignore[attr-defined]  # kombu ships no types


class TestServiceQueue:
    @pytest.mark.parametrize("consumer", [Consumer.WORKER, Consumer.INDEXER])
    def test_takes_the_catalogues_events_and_the_retries_of_its_service(self, consumer: Consumer) -> None:
        expected = {event.TYPE for event in catalog.consumed_by(consumer)} | {f"to.{consumer.value}"}
        assert keys(topology.service_queue(consumer)) == expected

    def test_is_a_quorum_queue_that_never_gives_a_message_up(self) -> None:
        queue = topology.service_queue(Consumer.WORKER)
        assert queue.durable
        assert queue.queue_arguments == {"x-queue-type": "quorum", "x-delivery-limit": -1}


class TestWebsocketQueue:
    def test_is_bounded_and_ends_after_its_last_consumer(self) -> None:
        queue = topology.websocket_queue("one")
        assert queue.name == "h.websocket.one"
        assert (queue.expires, queue.max_length, queue.queue_arguments) == (60, 100_000, {"x-overflow": "drop-head"})


class TestMustBeRouted:
    def test_an_event_of_a_service_must_reach_a_queue(self) -> None:
        assert topology.must_be_routed("annotation.created", consumer=None)

    def test_an_event_for_websockets_alone_need_not(self) -> None:
        assert not topology.must_be_routed("grant.revoked", consumer=None)

    def test_a_type_of_a_newer_release_must_wait_for_its_queues(self) -> None:
        assert topology.must_be_routed("group.painted", consumer=None)

    @pytest.mark.parametrize(("consumer", "expected"), [("worker", True), ("indexer", True), ("websocket", False)])
    def test_a_retry_must_reach_the_service_that_it_is_for(self, consumer: str, expected: bool) -> None:
        assert topology.must_be_routed("annotation.created", consumer=consumer) is expected


class TestTransportOptions:
    def test_redis_that_does_not_answer_is_given_up(self) -> None:
        assert topology.transport_options("redis://x/1") == {"socket_timeout": 10}

    def test_rabbitmq_needs_none(self) -> None:
        assert topology.transport_options("amqp://x//") == {}
