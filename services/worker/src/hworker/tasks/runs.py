"""Keeps how the tasks of the schedule fare, for `/readyz` and for metrics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from hcommon.errors import HError, UnavailableError
from hcommon.logging import get_logger
from hcommon.models import PeriodicRun
from sqlalchemy.dialects.postgresql import insert

from hworker import metrics as names
from hworker.context import Context
from hworker.intervals import SCHEDULE

_log = get_logger(__name__)


@dataclass(slots=True)
class Run:
    """One run; whoever watches it says how it failed."""

    error: BaseException | None = None


@contextmanager
def recorded(context: Context, name: str) -> Iterator[Run]:
    """Write down when a run began and how it ended; that this cannot be written does not make the run fail."""
    run, started_at, started = Run(), context.clock.now(), time.perf_counter()
    yield run
    milliseconds = round((time.perf_counter() - started) * 1000)
    context.metrics.gauge(names.PERIODIC_FAILING, int(run.error is not None), name=name)
    try:
        _write(context, name, run, started_at=started_at, milliseconds=milliseconds)
    except UnavailableError as error:
        _log.warning("run_not_recorded", reason=error.reason)


def _write(context: Context, name: str, run: Run, *, started_at: datetime, milliseconds: int) -> None:
    now = context.clock.now()
    row = {
        "interval_seconds": int(SCHEDULE.get(name, timedelta()).total_seconds()),
        "started_at": started_at,
        "milliseconds": milliseconds,
    }
    row |= {"succeeded_at": now} if run.error is None else {"failed_at": now, "error": _said(run.error)}
    with context.database.transaction() as session:
        session.execute(
            insert(PeriodicRun)
            .values(name=name, **row)
            .on_conflict_do_update(index_elements=[PeriodicRun.name], set_=row)
        )


def _said(error: BaseException) -> str:
    """Return what may be shown: reasons are written for people, of a bug only its kind is."""
    return error.reason if isinstance(error, HError) else type(error).__name__
