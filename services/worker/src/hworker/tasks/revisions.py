"""Tasks that have annotations indexed anew when something beside them changed what search must know of them.

The search document of an annotation is replaced only by one of a higher revision, so the revisions are raised first.
"""

from typing import Any, Final, cast
from uuid import uuid4

import sqlalchemy as sa
from hcommon import outbox
from hcommon.events.annotations import AnnotationsRevised
from hcommon.events.groups import GroupReadersChanged
from hcommon.events.moderation import ShadowBanChanged
from hcommon.models import Annotation

from hworker.context import Context

PIECE: Final = 500
"""Annotations whose revisions are raised in one transaction: few enough that their authors do not wait."""

_table: Final = cast("sa.Table", Annotation.__table__)


def revise_group(context: Context, *, event: GroupReadersChanged, piece: int = PIECE) -> None:
    """Have a piece of a group's annotations indexed anew, and the event recorded again if there are more."""
    _revise(context, event, _table.c.group_id == event.group_id, piece=piece)


def revise_author(context: Context, *, event: ShadowBanChanged, piece: int = PIECE) -> None:
    """Have a piece of what a user wrote indexed anew, and the event recorded again if there is more."""
    _revise(context, event, _table.c.user_id == event.user_id, piece=piece)


def _revise(
    context: Context, event: GroupReadersChanged | ShadowBanChanged, whose: sa.ColumnElement[bool], *, piece: int
) -> None:
    """Raise the revisions of the next annotations, the oldest first, and have the indexer told.

    If there are more, the event is recorded again for them. Doing a piece twice does no harm.
    """
    now = context.clock.now()
    # Deleted annotations have no search document any more.
    conditions = [whose, _table.c.deleted.is_(False)]
    if event.after_created is not None and event.after_id is not None:
        place = sa.tuple_(_table.c.created, _table.c.id)
        conditions.append(place > sa.tuple_(sa.literal(event.after_created), sa.literal(event.after_id)))
    chosen = sa.select(_table.c.created, _table.c.id).where(*conditions).order_by(_table.c.created, _table.c.id)
    with context.database.transaction() as session:
        rows = session.execute(chosen.limit(piece).with_for_update(key_share=True)).all()
        if not rows:
            return
        ids = tuple([row.id for row in rows])
        session.execute(sa.update(_table).where(_table.c.id.in_(ids)).values(revision=_table.c.revision + 1))
        outbox.record(session, AnnotationsRevised(occurred_at=now, annotation_ids=ids))
        if len(rows) == piece:
            last: dict[str, Any] = {"after_created": rows[-1].created, "after_id": rows[-1].id}
            outbox.record(session, event.model_copy(update={"id": uuid4(), "occurred_at": now, **last}))
