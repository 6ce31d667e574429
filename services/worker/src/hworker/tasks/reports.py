"""A periodic task that measures what waits."""

from hcommon.models import Annotation, DeadLetter, OutboxEvent, PeriodicRun
from sqlalchemy import func, select

from hworker import metrics as names
from hworker.context import Context


def report_queues(context: Context) -> None:
    """Report what waits in the outbox, dead letters, annotations to be purged, and the age of each task's last run."""
    now = context.clock.now()
    counts = select(
        select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None)).scalar_subquery(),
        select(func.count()).select_from(DeadLetter).scalar_subquery(),
        select(func.count()).select_from(Annotation).where(Annotation.deleted).scalar_subquery(),
    )
    runs = select(PeriodicRun.name, PeriodicRun.succeeded_at).where(PeriodicRun.succeeded_at.is_not(None))
    with context.database.read() as connection:
        waiting, dead, deleted = connection.execute(counts).one()
        ages = {row.name: (now - row.succeeded_at).total_seconds() for row in connection.execute(runs)}
    context.metrics.gauge(names.OUTBOX_WAITING, waiting)
    context.metrics.gauge(names.DEAD_LETTERS, dead)
    context.metrics.gauge(names.ANNOTATIONS_DELETED, deleted)
    for name, age in ages.items():
        context.metrics.gauge(names.PERIODIC_AGE, age, name=name)
