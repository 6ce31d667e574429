"""What keeps the site in order: runs of periodic tasks, and records of renamed and deleted accounts."""

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class PeriodicRun(Base):
    """How a task of the schedule fared lately.

    Attributes:
        interval_seconds: How often it is to run.
        started_at: Begin of its last run, by PostgreSQL's clock.
        succeeded_at: End of its last good run; None before the first.
        failed_at: End of its last failure; None when it never failed.
        error: What that failure was; kept after later good runs.
        milliseconds: Duration of its last run; None as long as that has not ended, and for ever if it was killed.
        position: Where the next run goes on, for a task that does not come to an end in one; for `report_search_lag`
            the seconds that it found. None at the beginning.
    """

    __tablename__ = "periodic_run"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    interval_seconds: Mapped[int]
    started_at: Mapped[Timestamp]
    succeeded_at: Mapped[Timestamp | None]
    failed_at: Mapped[Timestamp | None]
    error: Mapped[LongText | None]
    milliseconds: Mapped[int | None]
    position: Mapped[LongText | None]


class UserRename(Base):
    """An account's change of name, for the record."""

    __tablename__ = "user_rename"

    id: Mapped[IntKey]
    user_id: Mapped[int] = mapped_column(index=True)
    authority: Mapped[LongText]
    old_username: Mapped[LongText]
    new_username: Mapped[LongText]
    requested_by: Mapped[LongText]
    requested_at: Mapped[Timestamp]


class UserDeletion(Base):
    """An account's deletion, for the record; its name stays reserved for a while.

    Attributes:
        user_id: Key of the account, which may be gone by now.
        requested_by: Userid, or `h` for the command.
        annotations: How many annotations the account had.
    """

    __tablename__ = "user_deletion"
    __table_args__ = (Index("ix_user_deletion_name", "username_normalized", "authority"),)

    id: Mapped[IntKey]
    user_id: Mapped[int] = mapped_column(index=True)
    username: Mapped[LongText]
    username_normalized: Mapped[LongText]
    authority: Mapped[LongText]
    requested_by: Mapped[LongText]
    requested_at: Mapped[Timestamp]
    annotations: Mapped[int]
