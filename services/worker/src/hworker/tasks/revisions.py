"""Tasks that have annotations indexed anew when something beside them changed what search must know of them."""

from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from hcommon import outbox
from hcommon.events.annotations import AnnotationsRevised
from hcommon.events.groups import GroupUpdated
from hcommon.logging import get_logger
from hcommon.models import Annotation

from hworker.context import Context

CHUNK: Final = 500
"""Annotations whose revisions are raised in one transaction: few enough that their authors do not wait."""

_table: Final = cast("sa.Table", Annotation.__table__)

_log = get_logger(__name__)


def revise_group(context: Context, *, event: GroupUpdated) -> None:
    """Raise the revisions of a group's annotations and have the indexer told, in chunks of a transaction each.

    Doing it twice does no harm.
    """
    total = _revise(context, _table.c.group_id == event.group_id)
    _log.info("group_revised", group_id=event.group_id, count=total)


def _revise(context: Context, condition: sa.ColumnElement[bool]) -> int:
    """Raise the revisions of the annotations of a condition, the oldest first; return how many there were."""
    total = 0
    last = (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    while True:
        with context.database.transaction() as session:
            rows = session.execute(_chunk(condition, last)).all()
            ids = [row.id for row in rows]
            if ids:
                session.execute(sa.update(_table).where(_table.c.id.in_(ids)).values(revision=_table.c.revision + 1))
                outbox.record(session, AnnotationsRevised(occurred_at=context.clock.now(), annotation_ids=tuple(ids)))
        total += len(ids)
        if len(ids) < CHUNK:
            return total
        last = rows[-1].created, rows[-1].id


def _chunk(condition: sa.ColumnElement[bool], last: tuple[datetime, UUID]) -> sa.Select[Any]:
    """Return the statement that locks the next annotations; deleted ones have no document any more."""
    place = sa.tuple_(_table.c.created, _table.c.id)
    chunk = sa.select(_table.c.created, _table.c.id).where(condition, _table.c.deleted.is_(False), place > last)
    return chunk.order_by(_table.c.created, _table.c.id).limit(CHUNK).with_for_update()
