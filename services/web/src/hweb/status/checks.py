"""What `/readyz` looks at."""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from hcommon.auth import ANONYMOUS
from hcommon.db import schema
from hcommon.health import Check, UnhealthyError
from hcommon.models import DeadLetter, OutboxEvent, PeriodicRun
from hcommon.search.query import SearchQuery
from sqlalchemy import RowMapping, func, select

from hweb.embed.client import installed
from hweb.resources import Resources

LATE_AFTER_INTERVALS: Final = 3
"""A task that did not run for so many of its intervals is overdue."""

OUTBOX_LATE_SECONDS: Final = 30
"""A relay that works is behind by less than a second."""

SEARCH_LATE_SECONDS: Final = 5
"""As `worker.search.lag_seconds` says."""

_SEARCH_LAG_TASK: Final = "report_search_lag"
_NOWHERE = SearchQuery(tags=("h readiness check",), limit=1)


def required(held: Resources) -> dict[str, Check]:
    """Return the checks of what requests cannot do without."""
    return {"database": lambda: _database(held), "redis": lambda: _redis(held)}


def advisory(held: Resources, *, now: datetime) -> dict[str, Check]:
    """Return the checks of what only a part of the requests needs, or nobody waits for.

    Taking this process out of service would not help against any of them.
    """
    return {
        "search": lambda: _search(held, now),
        "outbox": lambda: _outbox(held, now),
        "dead letters": lambda: _dead_letters(held),
        "periodic tasks": lambda: _periodic(held, now),
        "client": lambda: installed(held.settings).version,
    }


def _database(held: Resources) -> str:
    with held.database.read() as connection:
        schema.check(connection)
    held.opening.check()
    return f"schema {schema.REVISION}"


def _redis(held: Resources) -> str:
    held.redis.ping()
    return "answers"


def _search(held: Resources, now: datetime) -> str:
    """Return how far the index was behind when a task of the schedule looked last.

    Raises:
        UnhealthyError: It is too far behind.
    """
    held.search.search(_NOWHERE, principal=ANONYMOUS)
    looked = select(PeriodicRun.position, PeriodicRun.succeeded_at).where(PeriodicRun.name == _SEARCH_LAG_TASK)
    with held.database.read() as connection:
        row = connection.execute(looked).first()
    if row is None or row.position is None or row.succeeded_at is None:
        return "answers"
    lag = float(row.position)
    text = f"answers; was {lag:.0f} s behind {_ago(now - row.succeeded_at)} ago"
    if lag > SEARCH_LATE_SECONDS:
        raise UnhealthyError(text)
    return text


def _outbox(held: Resources, now: datetime) -> str:
    """Return how long the oldest event that is due has waited for the relay.

    Raises:
        UnhealthyError: That is too long: the relay or the broker is away.
    """
    oldest = select(func.min(OutboxEvent.due_at)).where(OutboxEvent.published_at.is_(None), OutboxEvent.due_at <= now)
    with held.database.read() as connection:
        due_at: datetime | None = connection.execute(oldest).scalar()
    if due_at is None:
        return "nothing waits"
    seconds = (now - due_at).total_seconds()
    if seconds > OUTBOX_LATE_SECONDS:
        raise UnhealthyError(f"oldest waits for {seconds:.0f} s")
    return f"oldest waits for {seconds:.0f} s"


def _dead_letters(held: Resources) -> str:
    """Return that nothing was given up on.

    Raises:
        UnhealthyError: Something was, and waits for somebody to look at it.
    """
    with held.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(DeadLetter)).scalar_one()
    if count:
        raise UnhealthyError(f"{count} events were given up on: h queues list")
    return "none"


def _periodic(held: Resources, now: datetime) -> str:
    """Return when each task of the schedule last ran.

    Raises:
        UnhealthyError: One failed the last time, or is overdue.
    """
    with held.database.read() as connection:
        rows = connection.execute(select(*PeriodicRun.__table__.columns).order_by(PeriodicRun.name)).mappings().all()
    if not rows:
        return "none has run yet"
    told = [_run(row, now) for row in rows]
    if all(well for well, _ in told):
        return "; ".join(text for _, text in told)
    raise UnhealthyError("; ".join(text for _, text in sorted(told, key=itemgetter(0))))


def _run(row: RowMapping, now: datetime) -> tuple[bool, str]:
    """Return whether a task runs as it should, and how it does in words; faults come first in a sorted list."""
    name, succeeded, failed = row["name"], row["succeeded_at"], row["failed_at"]
    if failed is not None and (succeeded is None or failed > succeeded):
        return False, f"{name} failed {_ago(now - failed)} ago: {row['error']}"
    late = now - (succeeded or row["started_at"]) > LATE_AFTER_INTERVALS * timedelta(seconds=row["interval_seconds"])
    text = f"{name} ran {_ago(now - (succeeded or row['started_at']))} ago"
    if row["milliseconds"] is not None:  # as it is while the first run goes on
        text += f" ({row['milliseconds']} ms)"
    return not late, f"{text}, which is too long" if late else text


def _ago(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004 - below that minutes say little
