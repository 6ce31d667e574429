"""The Redis transport: whoever is killed, no message is lost."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import redis
from hcommon.bus import topology
from hcommon.bus.consumer import EventConsumer
from hcommon.bus.redis import EXPIRING, QueueExpiredError
from hcommon.events.base import Consumer
from hstandalone.valkey import EmbeddedValkey
from kombu import Connection, Producer, Queue
from kombu import Consumer as KombuConsumer
from kombu.message import Message

SECONDS = 10.0
WORKER, INDEXER = (topology.service_queue(consumer) for consumer in (Consumer.WORKER, Consumer.INDEXER))


class Process:
    """A consumer of one queue, which can vanish without a word."""

    def __init__(self, url: str, queue: Queue, *, prefetch: int = 10) -> None:
        self.connection = Connection(url)
        self.messages: list[Message] = []
        channel = self.connection.channel()
        channel.basic_qos(0, prefetch, False)  # noqa: FBT003 - kombu's positional signature
        self._queue = queue(channel)
        self._queue.declare()
        self.channel = channel
        KombuConsumer(channel, queues=[self._queue], on_message=self.messages.append, auto_declare=False).consume()

    def take(self, count: int) -> list[Any]:
        """Wait for so many messages, and return their bodies."""
        while len(self.messages) < count:
            self.connection.drain_events(timeout=SECONDS)
        return [message.payload for message in self.messages[:count]]

    def vanish(self) -> None:
        """End as kill -9 does: the server sees the connections close, and nothing is sent any more."""
        self.channel._disconnect_pools()
        if self.channel.client.connection is not None:
            self.channel.client.connection.disconnect()
        self.channel.qos._delivered.clear()


@pytest.fixture
def start(bus_url: str) -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def begin(queue: Queue = WORKER, **options: Any) -> Process:
            process = Process(bus_url, queue, **options)
            stack.callback(process.connection.release)
            return process

        yield begin


@pytest.fixture
def publish(bus_url: str) -> Iterator[Callable[..., None]]:
    with Connection(bus_url) as connection:
        producer = Producer(connection.channel(), exchange=topology.EXCHANGE)

        def send(*bodies: str) -> None:
            for body in bodies:
                producer.publish(body, routing_key="annotation.created")

        yield send


class TestVanishedConsumer:
    def test_what_it_had_in_hand_goes_to_the_next_at_once_and_in_order(self, start: Any, publish: Any) -> None:
        first = start()
        publish("one", "two", "three")
        first.take(2)
        first.vanish()
        publish("four")
        assert start().take(4) == ["one", "two", "three", "four"]

    def test_what_it_acknowledged_does_not(self, start: Any, publish: Any) -> None:
        first = start()
        publish("one", "two")
        first.take(2)
        first.messages[0].ack()
        first.vanish()
        publish("three")
        assert start().take(2) == ["two", "three"]

    def test_acknowledging_several_leaves_what_came_after(self, start: Any, publish: Any) -> None:
        first = start()
        publish("one", "two", "three")
        first.take(3)
        first.messages[1].ack(multiple=True)
        first.vanish()
        assert start().take(1) == ["three"]

    def test_another_queue_that_acknowledged_its_copy_does_not_matter(self, start: Any, publish: Any) -> None:
        worker, indexer = start(WORKER), start(INDEXER)
        publish("one")
        assert worker.take(1) == indexer.take(1) == ["one"]
        indexer.messages[0].ack()
        worker.vanish()
        assert start(WORKER).take(1) == ["one"]

    def test_another_queue_does_not_get_a_second_copy(self, start: Any, publish: Any, bus_client: redis.Redis) -> None:
        worker, indexer = start(WORKER), start(INDEXER)
        publish("one")
        worker.take(1)
        indexer.take(1)
        indexer.messages[0].ack()
        worker.vanish()
        start(WORKER).take(1)
        assert bus_client.llen("h.indexer") == 0


class TestQueueThatExpires:
    """A websocket process that never comes back."""

    @staticmethod
    def _queue(seconds: float) -> Queue:
        queue = topology.websocket_queue("test")
        queue.expires = seconds
        return queue

    @staticmethod
    def _pass(bus_client: redis.Redis) -> None:
        """Let its deadline have passed."""
        assert bus_client.zadd(EXPIRING, {"h.websocket.test": 1}, xx=True, ch=True) == 1

    @staticmethod
    def _publish(bus_url: str, body: str) -> None:
        with Connection(bus_url) as connection:  # a new one looks at once for what has expired
            Producer(connection.channel(), exchange=topology.EXCHANGE).publish(body, routing_key="annotation.created")

    def test_goes_with_its_messages_and_gets_no_more(self, start: Any, bus_url: str, bus_client: redis.Redis) -> None:
        worker, socket = start(WORKER), start(self._queue(60))
        self._publish(bus_url, "one")
        assert worker.take(1) == socket.take(1) == ["one"]
        socket.vanish()
        self._publish(bus_url, "two")
        assert bus_client.llen("h.websocket.test") == 1
        self._pass(bus_client)
        self._publish(bus_url, "three")
        assert not bus_client.exists("h.websocket.test", "h.websocket.test.in-hand", EXPIRING)
        assert worker.take(3) == ["one", "two", "three"]

    def test_one_that_comes_back_before_has_missed_nothing(self, start: Any, bus_url: str) -> None:
        start(self._queue(60)).vanish()
        self._publish(bus_url, "one")
        assert start(self._queue(60)).take(1) == ["one"]

    def test_one_that_is_consumed_lives(self, start: Any, bus_url: str, bus_client: redis.Redis) -> None:
        process = start(self._queue(0.4))
        before = bus_client.zscore(EXPIRING, "h.websocket.test")
        while bus_client.zscore(EXPIRING, "h.websocket.test") == before:
            with suppress(TimeoutError):
                process.connection.drain_events(timeout=0.05)
        self._publish(bus_url, "one")
        assert process.take(1) == ["one"]

    def test_a_consumer_that_slept_too_long_is_told(self, start: Any, bus_url: str, bus_client: redis.Redis) -> None:
        process = start(self._queue(0.01))
        self._pass(bus_client)
        self._publish(bus_url, "one")
        with pytest.raises(QueueExpiredError):
            process.take(1)

    def test_a_service_is_told_when_it_comes_back_to_nothing(
        self, bus_url: str, bus_client: redis.Redis, recorder: Any, running: Any
    ) -> None:
        queue = self._queue(60)
        said: list[str] = []
        consumer = EventConsumer(
            broker_url=bus_url,
            queue=queue,
            handle=recorder.handle,
            failures=recorder,
            on_missed=lambda: said.append("missed"),
        )
        for deadline_is_kept, times in ((True, 1), (True, 1), (False, 2)):
            if not deadline_is_kept:
                bus_client.delete(EXPIRING)
            with running(consumer):
                assert consumer.connected.wait(SECONDS)
            assert len(said) == times

    def test_those_of_other_services_do_not(self, start: Any, bus_client: redis.Redis) -> None:
        start(WORKER)
        assert not bus_client.exists(EXPIRING)


class TestKilledServer:
    def test_what_was_in_hand_is_there_again(self, own_valkey: EmbeddedValkey) -> None:
        url = own_valkey.broker_url(0)
        process = Process(url, WORKER)
        with Connection(url) as connection:
            Producer(connection.channel(), exchange=topology.EXCHANGE).publish("one", routing_key="annotation.created")
            process.take(1)
            assert own_valkey.process is not None
            own_valkey.process.kill()
        process.connection.release()
        own_valkey.start()
        again = Process(url, WORKER)
        assert again.take(1) == ["one"]
        again.connection.release()


class TestChannel:
    def test_no_more_than_the_prefetch_is_taken(self, start: Any, publish: Any, bus_client: redis.Redis) -> None:
        process = start(prefetch=2)
        publish("one", "two", "three")
        process.take(2)
        with pytest.raises(TimeoutError):
            process.connection.drain_events(timeout=0.2)
        assert bus_client.llen("h.worker") == 1

    def test_closing_puts_back_what_was_not_handled(self, start: Any, publish: Any, bus_client: redis.Redis) -> None:
        process = start()
        publish("one", "two", "three")
        process.take(3)
        process.messages[0].ack()
        process.connection.release()
        assert bus_client.llen("h.worker") == 2
        assert bus_client.llen("h.worker.in-hand") == 0
        assert start().take(2) == ["two", "three"]

    def test_a_rejected_message_is_gone_or_comes_again(self, start: Any, publish: Any) -> None:
        process = start()
        publish("one", "two")
        process.take(2)
        process.messages[0].reject()
        process.messages[1].requeue()
        assert process.take(3)[2] == "two"
        process.messages[2].ack()
        process.vanish()
        publish("three")
        assert start().take(1) == ["three"]

    def test_a_message_that_is_fetched_is_in_hand_too(self, start: Any, publish: Any) -> None:
        process = start(INDEXER)
        WORKER(process.channel).declare()
        publish("one")
        fetched = WORKER(process.channel).get()
        assert fetched is not None
        assert fetched.payload == "one"
        process.vanish()
        assert start(WORKER).take(1) == ["one"]

    def test_purging_takes_what_is_in_hand_too(self, start: Any, publish: Any) -> None:
        process = start()
        publish("one", "two")
        process.take(1)
        process.vanish()
        other = start(INDEXER)
        assert WORKER(other.channel).purge() == 2
        publish("three")
        assert start(WORKER).take(1) == ["three"]
