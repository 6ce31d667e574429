"""Checkpoints: what a course writes about a page is kept apart until its instructors reveal it."""

from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class Checkpoint(Base):
    """One page in one group.

    It holds no document: which one the page belongs to is looked up when it matters, so that documents may be merged
    and split.

    Attributes:
        document_uri: The page, as sent.
        uri_hash: `uri.uri_hash` of its normal form.
        reveal_date: When it was revealed; None while it seals.
    """

    __tablename__ = "checkpoint"
    __table_args__ = (UniqueConstraint("group_id", "uri_hash"),)

    id: Mapped[IntKey]
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"))
    document_uri: Mapped[LongText]
    uri_hash: Mapped[UUID]
    created: Mapped[Timestamp]
    reveal_date: Mapped[Timestamp | None]
