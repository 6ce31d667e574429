"""Who is mentioned in which annotation."""

from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class Mention(Base):
    """One user mentioned in the text of one annotation; an annotation's rows follow its text.

    Attributes:
        id: Order of the mentions in the text.
        username: As the text names the user, who may be renamed since.
    """

    __tablename__ = "mention"
    __table_args__ = (UniqueConstraint("annotation_id", "user_id"),)

    id: Mapped[IntKey]
    annotation_id: Mapped[UUID] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    username: Mapped[LongText]
    created: Mapped[Timestamp]
