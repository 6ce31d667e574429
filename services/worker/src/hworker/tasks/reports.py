"""A periodic task that measures what waits."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from hcommon.bus import topology
from hcommon.bus.publisher import BrokerUnavailableError
from hcommon.events.base import Consumer
from hcommon.models import Annotation, DeadLetter, OutboxEvent, PeriodicRun
from kombu import Connection
from kombu.exceptions import OperationalError
from sqlalchemy import func, select

from hworker import metrics as names
from hworker.context import Context
from hworker.settings import TASK_QUEUE, Settings

_CONNECT_SECONDS: Final = 5


def report_queues(context: Context) -> None:
    """Report what waits in the outbox and in the broker, dead letters, and how the tasks of the schedule fare.

    Raises:
        BrokerUnavailableError: The broker is away; the rest was reported.
    """
    now = context.clock.now()
    counts = select(
        select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None)).scalar_subquery(),
        select(func.count()).select_from(DeadLetter).scalar_subquery(),
        select(func.count()).select_from(Annotation).where(Annotation.deleted).scalar_subquery(),
    )
    runs = select(PeriodicRun.name, PeriodicRun.succeeded_at, PeriodicRun.failed_at)
    with context.database.read() as connection:
        waiting, dead, deleted = connection.execute(counts).one()
        ran = connection.execute(runs).all()
    context.metrics.gauge(names.OUTBOX_WAITING, waiting)
    context.metrics.gauge(names.DEAD_LETTERS, dead)
    context.metrics.gauge(names.ANNOTATIONS_DELETED, deleted)
    for name, succeeded_at, failed_at in ran:
        if succeeded_at is not None:
            context.metrics.gauge(names.PERIODIC_AGE, (now - succeeded_at).total_seconds(), name=name)
        failing = failed_at is not None and (succeeded_at is None or failed_at > succeeded_at)
        context.metrics.gauge(names.PERIODIC_FAILING, int(failing), name=name)
    for queue, length in _lengths(context.settings).items():
        context.metrics.gauge(names.QUEUE_WAITING, length, queue=queue)


def _lengths(settings: Settings) -> dict[str, int]:
    bus = settings.broker_url.get_secret_value()
    of_bus = {consumer.value: topology.service_queue(consumer).name for consumer in (Consumer.WORKER, Consumer.INDEXER)}
    return _lengths_at(bus, of_bus) | _lengths_at(settings.task_broker_url, {"celery": TASK_QUEUE})


def _lengths_at(url: str, queues: Mapping[str, str]) -> dict[str, int]:
    """Return how many messages wait in each queue; none in one that nobody has declared yet.

    Raises:
        BrokerUnavailableError: The broker is away.
    """
    options = topology.transport_options(url)
    with Connection(url, connect_timeout=_CONNECT_SECONDS, transport_options=options) as connection:
        lengths = dict.fromkeys(queues, 0)
        try:
            for name, queue in queues.items():
                with suppress(*connection.channel_errors):  # closes the channel, so that each has its own
                    lengths[name] = int(connection.channel().queue_declare(queue, passive=True).message_count)
        except (OperationalError, OSError, *connection.connection_errors) as error:
            raise BrokerUnavailableError("The broker is not available.") from error
        return lengths
