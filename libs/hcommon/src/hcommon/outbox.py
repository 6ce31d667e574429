"""The only way out of a transaction: an event recorded as a row beside the change itself.

The relay publishes committed rows; a transaction that rolls back has recorded nothing.
"""

from collections.abc import Iterable
from typing import cast

import structlog
from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from hcommon.db.prepared import prepared
from hcommon.events.base import Event
from hcommon.models.outbox import OutboxEvent

# The table, not the class: no unit of work is wanted, and it would cost more than the row.
_insert = prepared(insert(cast("Table", OutboxEvent.__table__)))


def record(session: Session, event: Event) -> None:
    """Record `event` in the session's own transaction; it is published within a moment of the commit.

    The request id bound at the edge is added when the event names none.
    """
    record_all(session, [event])


def record_all(session: Session, events: Iterable[Event]) -> None:
    """Record several events in one statement."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    rows = [
        {
            "event_id": event.id,
            "type": event.TYPE,
            "payload": event.model_copy(update={"request_id": event.request_id or bound}).model_dump_json(),
            "occurred_at": event.occurred_at,
            "due_at": event.occurred_at,
        }
        for event in events
    ]
    if rows:
        session.execute(_insert, rows)
