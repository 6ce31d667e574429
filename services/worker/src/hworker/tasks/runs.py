"""Lets a task of the schedule run once an interval, and keeps how it fares, for `/readyz` and for metrics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from hcommon.errors import HError, UnavailableError
from hcommon.logging import get_logger
from hcommon.models import PeriodicRun
from sqlalchemy import case, func, update
from sqlalchemy.dialects.postgresql import insert

from hworker import metrics as names
from hworker.context import Context
from hworker.intervals import SCHEDULE, queued_every

_log = get_logger(__name__)


@dataclass(slots=True)
class Run:
    """One run; whoever watches it says how it failed, or that it was left out."""

    error: BaseException | None = None
    left_out: bool = False


def begin(context: Context, name: str) -> bool:
    """Return whether a task is to run, and write down that it does.

    It is not when one began about an interval ago or less: it is queued more often than it is to run, and after an
    outage many of its messages wait in the queue. A run that has not ended counts only as long as it may last; after
    that it was killed, and is made up for. PostgreSQL's clock alone decides, since those of machines differ.

    Raises:
        DatabaseUnavailableError: PostgreSQL is away.
    """
    interval = SCHEDULE.get(name, timedelta())
    now = func.clock_timestamp()
    row = {"interval_seconds": int(interval.total_seconds()), "started_at": now, "milliseconds": None}
    is_enough = interval - queued_every(interval) / 2  # messages do not come to the second
    is_killed_after = min(timedelta(seconds=context.settings.worker_task_hard_limit_seconds), is_enough)
    lately = case((PeriodicRun.milliseconds.is_(None), is_killed_after), else_=is_enough)
    began_lately = PeriodicRun.started_at.between(now - lately, now)  # PostgreSQL's may be put back, too
    claim = (
        insert(PeriodicRun)
        .values(name=name, **row)
        .on_conflict_do_update(index_elements=[PeriodicRun.name], set_=row, where=~began_lately)
        .returning(PeriodicRun.name)
    )
    with context.database.transaction() as session:
        return session.execute(claim).first() is not None


@contextmanager
def recorded(context: Context, name: str) -> Iterator[Run]:
    """Write down how a run ended; that this cannot be written does not make the run fail."""
    run, started = Run(), time.perf_counter()
    yield run
    if run.left_out:
        return
    milliseconds = round((time.perf_counter() - started) * 1000)
    context.metrics.gauge(names.PERIODIC_FAILING, int(run.error is not None), name=name)
    try:
        _write(context, name, run, milliseconds=milliseconds)
    except UnavailableError as error:
        _log.warning("run_not_recorded", reason=error.reason)


def _write(context: Context, name: str, run: Run, *, milliseconds: int) -> None:
    now = context.clock.now()
    ended = {"succeeded_at": now} if run.error is None else {"failed_at": now, "error": _said(run.error)}
    with context.database.transaction() as session:
        session.execute(update(PeriodicRun).where(PeriodicRun.name == name).values(milliseconds=milliseconds, **ended))


def _said(error: BaseException) -> str:
    """Return what may be shown: reasons are written for people, of a bug only its kind is."""
    return error.reason if isinstance(error, HError) else type(error).__name__
