"""What tasks and handlers work with: the process's collaborators, made once in the composition root."""

import threading
from dataclasses import dataclass, field

from hcommon.bus.failures import OutboxFailures
from hcommon.clock import Clock, SystemClock
from hcommon.db.engine import Database
from hcommon.events.base import Consumer
from hcommon.metrics import Metrics

from hworker import metrics as names
from hworker.mailer import Mailer, create_mailer
from hworker.settings import Settings


@dataclass(frozen=True)
class Context:
    """The collaborators of one process.

    Attributes:
        failures: Puts events back, or buries them.
        stop: Set when the process is to end; whoever waits, waits on it.
    """

    settings: Settings
    database: Database
    clock: Clock
    metrics: Metrics
    mailer: Mailer
    failures: OutboxFailures
    stop: threading.Event = field(default_factory=threading.Event)


def create_context(
    settings: Settings, *, clock: Clock | None = None, database: Database | None = None, mailer: Mailer | None = None
) -> Context:
    """Return the collaborators that the settings describe; nothing connects yet."""
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url.get_secret_value(), pool_size=settings.pool_size, application_name="h-worker"
    )
    metrics = Metrics(host=settings.statsd_host, port=settings.statsd_port, prefix=settings.statsd_prefix)
    failures = OutboxFailures(
        database=database,
        consumer=Consumer.WORKER,
        clock=clock,
        on_unknown=lambda _: metrics.count(names.EVENT_UNKNOWN),
        on_retry=lambda event_type: metrics.count(names.EVENT_RETRIED, type=event_type),
        on_bury=lambda event_type: metrics.count(names.EVENT_BURIED, type=event_type),
    )
    return Context(
        settings=settings,
        database=database,
        clock=clock,
        metrics=metrics,
        mailer=mailer or create_mailer(settings),
        failures=failures,
    )
