"""Who was told what by mail, and who does not want to be."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class NotificationKind(StrEnum):
    """Why somebody is told."""

    REPLY = "reply"
    MENTION = "mention"
    MODERATION = "moderation"


class Notification(Base):
    """One mail to one person about one annotation: there is never a second.

    Attributes:
        sender_id: Who wrote the annotation, so that a day's mails of one person are counted quickly; None in rows of
            older releases.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("recipient_id", "annotation_id"),
        Index("ix_notification_sender_id_created", "sender_id", "created"),
    )

    id: Mapped[IntKey]
    recipient_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    annotation_id: Mapped[UUID] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), index=True)
    kind: Mapped[LongText]
    created: Mapped[Timestamp]
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))


class MailReceipt(Base):
    """One mail of one event to one person, so that a repeated event sends no second; kept for a month.

    It is for news without an annotation, and for those of which one annotation has several: reports and verdicts.
    """

    __tablename__ = "mail_receipt"
    __table_args__ = (UniqueConstraint("event_id", "recipient_id"),)

    id: Mapped[IntKey]
    event_id: Mapped[UUID]
    recipient_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created: Mapped[Timestamp] = mapped_column(index=True)


class Subscription(Base):
    """A user's choice about one kind of mail; without a row the answer is yes."""

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("user_id", "kind"),)

    id: Mapped[IntKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    kind: Mapped[LongText]
    active: Mapped[bool]
