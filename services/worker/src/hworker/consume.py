"""The event consumer: events of the worker's queue to their handlers."""

import time
from typing import Final

from hcommon.bus import topology
from hcommon.bus.consumer import Delivery, EventConsumer
from hcommon.events.base import Consumer

from hworker import metrics as names
from hworker.app import TaskQueue
from hworker.context import Context
from hworker.subscriptions import SUBSCRIPTIONS

_ACKNOWLEDGED_TOGETHER: Final = 20
"""What a crash has handled again at most, which every handler bears; each would be a round trip to the broker alone."""


def create_consumer(context: Context, *, tasks: TaskQueue) -> EventConsumer:
    """Return the consumer of the worker's queue; nothing connects before its `run`."""

    def dispatch(delivery: Delivery) -> None:
        event = delivery.event
        handler = SUBSCRIPTIONS.get(type(event))
        if handler is None:
            context.failures.unknown(event.TYPE)  # an older binding of the queue: an event that was ours once
            return
        started = time.perf_counter()
        handler(event, attempts=delivery.attempts, context=context, tasks=tasks)
        context.metrics.timing(names.EVENT_HANDLED, (time.perf_counter() - started) * 1000, type=event.TYPE)
        if not delivery.attempts:
            lag = context.clock.now() - event.occurred_at
            context.metrics.timing(names.EVENT_LAG, max(lag.total_seconds() * 1000, 0))

    return EventConsumer(
        broker_url=context.settings.broker_url.get_secret_value(),
        queue=topology.service_queue(Consumer.WORKER),
        handle_delivery=dispatch,
        max_batch=_ACKNOWLEDGED_TOGETHER,
        failures=context.failures,
    )
