"""Publishes recorded events; only the relay uses it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson
from kombu import Connection, Producer
from kombu.exceptions import BatchPublishError, OperationalError

from hcommon.bus import topology
from hcommon.bus.confirms import Confirms, NotConfirmedError
from hcommon.errors import UnavailableError

CONNECT_TIMEOUT_SECONDS = 5
CONFIRM_TIMEOUT_SECONDS = 10


class BrokerUnavailableError(UnavailableError):
    """The broker is away, or did not confirm a message."""


class UnroutableError(UnavailableError):
    """The broker had no queue for a message, although all were declared: it lost its definitions."""


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """One message.

    Attributes:
        key: Tells the messages of one call of `publish_all` apart.
        event_type: The event's `TYPE`.
        payload: The event as JSON text.
        consumer: The one consumer it is for, or None for all of its consumers.
        attempts: How often that consumer failed on it before.
    """

    key: int
    event_type: str
    payload: str
    consumer: str | None = None
    attempts: int = 0


class Publisher:
    """One connection to the broker, on which every message is confirmed before the call returns.

    Nothing waits for a broker for longer than for a confirm: RabbitMQ out of memory, or one that is frozen, answers
    nothing any more, not even that the connection may be closed.
    """

    def __init__(self, broker_url: str, *, answer_timeout_seconds: float = CONFIRM_TIMEOUT_SECONDS) -> None:
        """Connect, and declare the exchange and every shared queue, so that nothing is published into the void.

        Args:
            broker_url: `amqp://…`, or a Redis URL of kombu's.
            answer_timeout_seconds: How long RabbitMQ is waited for.

        Raises:
            BrokerUnavailableError: The broker is away, or has other definitions of the same names.
        """
        is_amqp = broker_url.startswith("amqp")
        self._answer_timeout_seconds = answer_timeout_seconds
        self._is_broken = False
        self._connection = Connection(
            broker_url,
            transport_options=topology.transport_options(broker_url)
            | ({"read_timeout": answer_timeout_seconds} if is_amqp else {}),
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
        )
        self._errors = (
            OperationalError,
            BatchPublishError,
            NotConfirmedError,
            TimeoutError,
            *self._connection.connection_errors,
            *self._connection.channel_errors,
        )
        self._queue_names = {queue.name for queue in topology.shared_queues()}
        try:
            self._channel = self._connection.channel()
            self._producer = Producer(self._channel, exchange=topology.EXCHANGE)
            for queue in topology.shared_queues():
                queue(self._channel).declare()
            self._confirms = Confirms(self._channel) if is_amqp else None
        except self._errors as error:
            self._is_broken = True
            self.close()
            raise BrokerUnavailableError("The broker is not available.") from error

    def publish_all(self, events: Sequence[OutgoingEvent]) -> frozenset[int]:
        """Send events in order and wait until the broker has them; return the keys of those that no queue took.

        Raises:
            BrokerUnavailableError: They were not all confirmed; any of them may arrive nevertheless. The publisher
                is of no use after that.
        """
        try:
            returned = self._publish_confirmed(events) if self._confirms else self._publish_batch(events)
        except self._errors as error:
            self._is_broken = True
            raise BrokerUnavailableError("The broker did not confirm a message.") from error
        return frozenset(int(key) for key in returned)

    def publish(self, *, event_type: str, payload: dict[str, Any], consumer: str | None, attempts: int) -> None:
        """Send one event and wait until the broker has it.

        Args:
            event_type: The event's `TYPE`.
            payload: The event as JSON values.
            consumer: The one consumer it is for, or None for all of its consumers.
            attempts: How often that consumer failed on it before.

        Raises:
            BrokerUnavailableError: It was not confirmed; it may arrive nevertheless.
            UnroutableError: No queue took it.
        """
        text = orjson.dumps(payload).decode()
        if self.publish_all([OutgoingEvent(0, event_type, text, consumer, attempts)]):
            raise UnroutableError(f"No queue for {event_type}.")

    def close(self) -> None:
        """Close the connection; a broker that is away does not disturb.

        After a failure the connection is dropped: to close it in order, the broker would have to answer. A message that
        was not confirmed may have arrived then, as after any failure, and is published again; handlers bear that.
        """
        with suppress(*self._errors):
            if self._is_broken:
                self._connection.collect()
            else:
                self._connection.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _publish_confirmed(self, events: Sequence[OutgoingEvent]) -> list[str]:
        assert self._confirms is not None  # noqa: S101 - for the type checker: the caller looked
        for event in events:
            self._confirms.expect()
            self._send(event, mandatory=topology.must_be_routed(event.event_type, consumer=event.consumer))
        return self._confirms.wait(self._connection, timeout_seconds=self._answer_timeout_seconds)

    def _publish_batch(self, events: Sequence[OutgoingEvent]) -> list[str]:
        """Send through kombu's emulated exchanges, which know no `mandatory`: the bindings are looked at instead."""
        with self._channel.same_bindings(topology.EXCHANGE.name) as bindings:
            if not {queue for _, _, queue in bindings} >= self._queue_names:
                raise NotConfirmedError("The broker lost its queues.")
            with self._producer.batch():
                for event in events:
                    self._send(event, mandatory=False)
        return []

    def _send(self, event: OutgoingEvent, *, mandatory: bool) -> None:
        self._producer.publish(
            event.payload,
            routing_key=topology.retry_key(event.consumer) if event.consumer else event.event_type,
            headers={"type": event.event_type, "attempts": event.attempts},
            content_type="application/json",
            content_encoding="utf-8",
            correlation_id=str(event.key),
            delivery_mode=2,
            mandatory=mandatory,
            retry=False,
            timeout=self._answer_timeout_seconds,
        )
