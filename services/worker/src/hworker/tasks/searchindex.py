"""Periodic tasks that look after the search index: compare it with PostgreSQL, repair it, and report how late it is."""

import time
from typing import Final
from uuid import UUID

from hcommon.logging import get_logger
from hcommon.models import Annotation, PeriodicRun
from hcommon.search import reindex
from hcommon.search.choice import search_writer
from hcommon.search.reindex import Difference
from hcommon.search.writer import SearchWriter
from sqlalchemy import select, update

from hworker import metrics as names
from hworker.context import Context

SHARE_SECONDS: Final = 60.0
"""How long a run goes on; the next one begins where it ended. Millions of annotations take one run."""

SETTLE_SECONDS: Final = 2.0
"""How long the indexer is given for changes of the last moment, before what differs counts as wrong."""

LATEST: Final = 500
"""Annotations of which the lag is found."""

_TASK: Final = "check_search_index"
_LAG_TASK: Final = "report_search_lag"
_log = get_logger(__name__)


def check_search_index(
    context: Context,
    *,
    share_seconds: float = SHARE_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
    at_once: int = reindex.COMPARED_AT_ONCE,
) -> None:
    """Compare a share of all annotations with the index, and repair what is wrong.

    Raises:
        UnavailableError: PostgreSQL or the index is away; the next run does the same share.
    """
    writer = search_writer(context.settings, database=context.database)
    ends = time.monotonic() + share_seconds
    after = _position(context)
    wrong = 0
    while True:
        compared = reindex.compare_some(context.database, writer, after=after, at_once=at_once)
        context.metrics.count(names.SEARCH_COMPARED, compared.number)
        if compared.differences:
            context.stop.wait(settle_seconds)
            again = reindex.compare_some(context.database, writer, after=after, at_once=at_once)
            differences = set(compared.differences) & set(again.differences)
            wrong += _repair(context, writer, differences)
        after = compared.upto
        _keep_position(context, after)
        if after is None or time.monotonic() >= ends or context.stop.is_set():
            break
    context.metrics.gauge(names.SEARCH_MISMATCHES, wrong)


def report_search_lag(context: Context) -> None:
    """Report since when the index has lacked the oldest of the latest annotations that it lacks; `/readyz` says it too.

    Raises:
        UnavailableError: PostgreSQL or the index is away.
    """
    writer = search_writer(context.settings, database=context.database)
    latest = select(Annotation.id, Annotation.created).where(Annotation.deleted.is_(False))
    with context.database.read() as connection:
        rows = connection.execute(latest.order_by(Annotation.created.desc(), Annotation.id.desc()).limit(LATEST)).all()
    now = context.clock.now()
    found = writer.revisions_of([row.id for row in rows]) if rows else {}
    lags = [(now - row.created).total_seconds() for row in rows if row.id not in found]
    lag = max([0.0, *lags])
    context.metrics.gauge(names.SEARCH_LAG, lag)
    _keep(context, _LAG_TASK, f"{lag:.1f}")


def _repair(context: Context, writer: SearchWriter, differences: set[Difference]) -> int:
    if not differences:
        return 0
    ids = sorted(difference.id for difference in differences)
    _log.warning("search_index_wrong", annotations=len(ids), first_id=str(ids[0]), last_id=str(ids[-1]))
    return reindex.write_anew(context.database, writer, ids)


def _position(context: Context) -> UUID | None:
    kept = select(PeriodicRun.position).where(PeriodicRun.name == _TASK)
    with context.database.read() as connection:
        position = connection.execute(kept).scalar_one_or_none()
    return UUID(position) if position else None


def _keep_position(context: Context, after: UUID | None) -> None:
    _keep(context, _TASK, str(after) if after else None)


def _keep(context: Context, task: str, position: str | None) -> None:
    with context.database.transaction() as session:
        session.execute(update(PeriodicRun).where(PeriodicRun.name == task).values(position=position))
