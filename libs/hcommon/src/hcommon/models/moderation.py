"""What became of annotations, and by whom."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class ModerationLog(Base):
    """One change of an annotation's moderation status.

    Attributes:
        moderator_id: Who judged; None when the author's own change made it, or once the moderator's account is purged.
        old_status: None: never judged.
    """

    __tablename__ = "moderation_log"

    id: Mapped[IntKey]
    annotation_id: Mapped[UUID] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), index=True)
    moderator_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    old_status: Mapped[LongText | None]
    new_status: Mapped[LongText]
    created: Mapped[Timestamp]
