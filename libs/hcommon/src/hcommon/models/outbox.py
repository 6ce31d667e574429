"""Events on their way out, and those that could not be handled."""

from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, RawJSON, Timestamp


class OutboxEvent(Base):
    """An event recorded with the change that it tells of.

    Attributes:
        id: Order of recording; the relay publishes in this order.
        payload: The event as JSON.
        consumer: The one consumer that it is for (a retry), or None for all of its consumers.
        attempts: How often that consumer failed on it before.
        due_at: Not published before.
        published_at: None until the broker confirmed it.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
        Index("ix_outbox_published_at", "published_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[LongText]
    payload: Mapped[str] = mapped_column(RawJSON)
    occurred_at: Mapped[Timestamp]
    consumer: Mapped[LongText | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[Timestamp]
    published_at: Mapped[Timestamp | None]


class DeadLetter(Base):
    """An event that a consumer gave up on, kept until somebody replays or drops it.

    Attributes:
        error: Last line of the traceback.
    """

    __tablename__ = "dead_letter"

    id: Mapped[IntKey]
    event_id: Mapped[UUID]
    type: Mapped[LongText]
    payload: Mapped[str] = mapped_column(RawJSON)
    occurred_at: Mapped[Timestamp]
    consumer: Mapped[LongText]
    attempts: Mapped[int]
    error: Mapped[LongText]
    buried_at: Mapped[Timestamp]
