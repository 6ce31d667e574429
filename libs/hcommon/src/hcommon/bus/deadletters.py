"""What an operator does about events that went wrong: look, replay, drop; and publish again after a broker was lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.orm import Session

from hcommon.models import DeadLetter, OutboxEvent


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """One event that a consumer gave up on.

    Attributes:
        id: Names it in `replay` and `drop`.
        payload: The event as JSON text.
        attempts: How often the consumer failed on it.
        error: Last line of the traceback.
    """

    id: int
    event_id: UUID
    type: str
    consumer: str
    payload: str
    attempts: int
    error: str
    occurred_at: datetime
    buried_at: datetime


def list_dead_letters(
    connection: Connection | Session, *, consumer: str | None = None, after_id: int = 0, limit: int = 100
) -> list[DeadLetterEntry]:
    """Return dead letters, oldest first; `after_id` continues behind an earlier page."""
    statement = select(DeadLetter.__table__).where(DeadLetter.id > after_id).order_by(DeadLetter.id).limit(limit)
    if consumer is not None:
        statement = statement.where(DeadLetter.consumer == consumer)
    return [DeadLetterEntry(**row) for row in connection.execute(statement).mappings()]


def count_dead_letters(connection: Connection | Session) -> dict[str, int]:
    """Return how many there are for each consumer that has any."""
    statement = (
        select(DeadLetter.consumer, func.count().label("total"))
        .group_by(DeadLetter.consumer)
        .order_by(DeadLetter.consumer)
    )
    return {row.consumer: row.total for row in connection.execute(statement)}


def replay(session: Session, *, ids: Sequence[int], now: datetime) -> int:
    """Give dead letters back to their consumer as if for the first time; return how many of `ids` there were.

    A consumer that has done the work meanwhile notices, since handlers are idempotent.
    """
    gone = (
        delete(DeadLetter)
        .where(DeadLetter.id.in_(ids))
        .returning(
            DeadLetter.id,
            DeadLetter.event_id,
            DeadLetter.type,
            DeadLetter.payload,
            DeadLetter.occurred_at,
            DeadLetter.consumer,
        )
    )
    rows = sorted(session.execute(gone).mappings(), key=lambda row: row["id"])
    if rows:
        values = [{name: row[name] for name in row if name != "id"} | {"due_at": now} for row in rows]
        session.execute(insert(OutboxEvent), values)
    return len(rows)


def drop(session: Session, *, ids: Sequence[int]) -> int:
    """Forget dead letters; return how many of `ids` there were."""
    dropped = session.execute(delete(DeadLetter).where(DeadLetter.id.in_(ids)).returning(DeadLetter.id))
    return len(dropped.all())


def replay_since(session: Session, *, since: datetime, now: datetime) -> int:
    """Have everything published again that was published at `since` or later; return how much that is.

    For a broker that lost its queues. Published events are kept for 48 hours. Consumers notice what they have done
    before.
    """
    again = session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.published_at >= since)
        .values(published_at=None, due_at=now)
        .returning(OutboxEvent.id)
    )
    return len(again.all())
