"""Names and properties of the exchange and the queues.

One durable topic exchange takes every event under its type. Each consumer service has one durable queue, shared by
its processes; each websocket process has a queue of its own, which survives a broker's blip and ends 60 s after its
last consumer. A retry is addressed to one consumer by the routing key `to.<consumer>`.
"""

from kombu import Exchange, Queue, binding

from hcommon.events import catalog
from hcommon.events.base import Consumer

EXCHANGE = Exchange("h.events", type="topic", durable=True)

WEBSOCKET_QUEUE_EXPIRES_SECONDS = 60
WEBSOCKET_QUEUE_MAX_LENGTH = 100_000

REDIS_SOCKET_TIMEOUT_SECONDS = 10

_SHARED = (Consumer.WORKER, Consumer.INDEXER)


def shared_queues() -> list[Queue]:
    """Return the durable queues that every publisher declares before it publishes anything."""
    return [service_queue(consumer) for consumer in _SHARED]


def service_queue(consumer: Consumer) -> Queue:
    """Return the queue that all processes of a service share: quorum, without a delivery limit."""
    return _queue(f"h.{consumer.value}", consumer, queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": -1})


def websocket_queue(instance: str) -> Queue:
    """Return the queue of one websocket process; the oldest events give way when it is full."""
    return _queue(
        f"h.websocket.{instance}",
        Consumer.WEBSOCKET,
        queue_arguments={"x-overflow": "drop-head"},
        expires=WEBSOCKET_QUEUE_EXPIRES_SECONDS,
        max_length=WEBSOCKET_QUEUE_MAX_LENGTH,
    )


def retry_key(consumer: str) -> str:
    """Return the routing key that reaches one consumer alone."""
    return f"to.{consumer}"


def must_be_routed(event_type: str, *, consumer: str | None) -> bool:
    """Return whether a message that no queue takes is a fault.

    An event for websockets alone goes to nobody while no websocket process runs. A type that this release does not
    know belongs to a newer one, whose queues will be there in a moment.
    """
    if consumer is not None:
        return any(consumer == shared for shared in _SHARED)
    event_class = next((known for known in catalog.EVENTS if event_type == known.TYPE), None)
    return event_class is None or not event_class.CONSUMERS.isdisjoint(_SHARED)


def transport_options(broker_url: str) -> dict[str, object]:
    """Return kombu's transport options for a broker URL.

    Publisher confirms of RabbitMQ are asked for by the publisher itself, a batch at a time.
    """
    if broker_url.startswith("amqp"):
        return {}
    return {"socket_timeout": REDIS_SOCKET_TIMEOUT_SECONDS}


def _queue(name: str, consumer: Consumer, **properties: object) -> Queue:
    keys = [*sorted(event.TYPE for event in catalog.consumed_by(consumer)), retry_key(consumer)]
    return Queue(name, durable=True, bindings=[binding(EXCHANGE, routing_key=key) for key in keys], **properties)
