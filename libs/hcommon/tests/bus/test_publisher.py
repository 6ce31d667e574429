"""Publishing on the Redis transport; see test_rabbitmq for confirms."""

from uuid import uuid4

import pytest
import redis
from hcommon.bus.publisher import BrokerUnavailableError, OutgoingEvent, Publisher
from hcommon.events.annotations import AnnotationCreated
from hcommon.testing.clock import START
from hstandalone.valkey import EmbeddedValkey


def created() -> AnnotationCreated:
    return AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1, request_id="r1")


def outgoing(*, key: int = 1, event_type: str = "annotation.created", consumer: str | None = None) -> OutgoingEvent:
    return OutgoingEvent(key, event_type, created().model_dump_json(), consumer)


class TestPublisher:
    def test_reaches_every_queue_of_the_events_consumers(self, bus_url: str, bus_client: redis.Redis) -> None:
        with Publisher(bus_url) as publisher:
            publisher.publish(
                event_type="annotation.created", payload=created().model_dump(mode="json"), consumer=None, attempts=0
            )
        assert (bus_client.llen("h.worker"), bus_client.llen("h.indexer")) == (1, 1)

    def test_a_retry_reaches_its_consumer_alone(self, bus_url: str, bus_client: redis.Redis) -> None:
        with Publisher(bus_url) as publisher:
            assert publisher.publish_all([outgoing(consumer="indexer")]) == frozenset()
        assert (bus_client.llen("h.worker"), bus_client.llen("h.indexer")) == (0, 1)

    def test_an_event_for_websockets_is_no_fault_while_none_runs(self, bus_url: str) -> None:
        with Publisher(bus_url) as publisher:
            assert publisher.publish_all([outgoing(event_type="grant.revoked")]) == frozenset()

    def test_a_broker_that_lost_its_queues_is_noticed_before_anything_is_lost(
        self, bus_url: str, bus_client: redis.Redis
    ) -> None:
        with Publisher(bus_url) as publisher:
            bus_client.flushdb()
            with pytest.raises(BrokerUnavailableError):
                publisher.publish_all([outgoing()])
        with Publisher(bus_url) as publisher:
            publisher.publish_all([outgoing()])
        assert bus_client.llen("h.worker") == 1

    def test_says_so_when_there_is_no_broker(self, own_valkey: EmbeddedValkey) -> None:
        url = own_valkey.broker_url(0)
        own_valkey.stop()
        with pytest.raises(BrokerUnavailableError):
            Publisher(url)

    def test_says_so_when_the_broker_goes_away(self, own_valkey: EmbeddedValkey) -> None:
        with Publisher(own_valkey.broker_url(0)) as publisher:
            publisher.publish_all([outgoing()])
            own_valkey.stop()
            with pytest.raises(BrokerUnavailableError):
                publisher.publish_all([outgoing()])
