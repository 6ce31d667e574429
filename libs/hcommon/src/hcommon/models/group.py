"""Groups, their members and their scopes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp
from hcommon.ids import GROUP_PUBID_LENGTH


class Role(StrEnum):
    """A member's one role in a group."""

    MEMBER = "member"
    MODERATOR = "moderator"
    ADMIN = "admin"
    OWNER = "owner"


MODERATING_ROLES = frozenset({Role.MODERATOR, Role.ADMIN, Role.OWNER})
"""Roles that see and judge hidden annotations."""


class JoinableBy(StrEnum):
    """Who may join."""

    AUTHORITY = "authority"
    NOBODY = "nobody"


class ReadableBy(StrEnum):
    """Who may read shared annotations."""

    MEMBERS = "members"
    WORLD = "world"


class WriteableBy(StrEnum):
    """Who may annotate."""

    AUTHORITY = "authority"
    MEMBERS = "members"


CLOSED: Final[Mapping[str, object]] = {
    "deleted": True,
    "readable_by": ReadableBy.MEMBERS.value,
    "writeable_by": WriteableBy.MEMBERS.value,
    "joinable_by": JoinableBy.NOBODY.value,
    "authority_provided_id": None,
}
"""Columns of a deleted group: once its memberships are gone nobody can read, write or join it."""


class Group(Base):
    """A group; `private`, `restricted` and `open` are the three combinations that the API names.

    Attributes:
        pubid: The API's `id`; `__world__` is the public group.
        authority_provided_id: First half of a third-party `groupid`.
        joinable_by: None for the public group: nobody joins it.
        enforce_scope: With scopes, whether annotations elsewhere are refused.
        pre_moderated: New shared annotations wait for a moderator.
        sealing: Whether it has checkpoints that are not revealed.
        reply_to: Address that answers to the group's moderation mails go to; None for none.
        email_from_name: Name that those mails come from; None for the site's.
        deleted: Nobody may read, write or join any more; its annotations are being deleted, then the row goes.
    """

    __tablename__ = "group"
    __table_args__ = (
        UniqueConstraint("authority", "authority_provided_id"),
        Index("ix_group_deleted", "id", postgresql_where=text("deleted")),
        CheckConstraint("joinable_by IN ('authority', 'nobody')", name="joinable_by"),
        CheckConstraint("readable_by IN ('members', 'world')", name="readable_by"),
        CheckConstraint("writeable_by IN ('authority', 'members')", name="writeable_by"),
    )

    id: Mapped[IntKey]
    pubid: Mapped[str] = mapped_column(String(max(GROUP_PUBID_LENGTH, len("__world__"))), unique=True)
    authority: Mapped[LongText]
    authority_provided_id: Mapped[LongText | None]
    name: Mapped[LongText]
    description: Mapped[LongText | None]
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    joinable_by: Mapped[LongText]
    readable_by: Mapped[LongText]
    writeable_by: Mapped[LongText]
    enforce_scope: Mapped[bool] = mapped_column(server_default=text("true"))
    pre_moderated: Mapped[bool] = mapped_column(server_default=text("false"))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    sealing: Mapped[bool] = mapped_column(server_default=text("false"))
    reply_to: Mapped[LongText | None]
    email_from_name: Mapped[LongText | None]
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]


class LMSRole(StrEnum):
    """What a member is in the course of a learning platform; has nothing to do with `Role`."""

    INSTRUCTOR = "lms_instructor"
    STUDENT = "lms_student"


class GroupMembership(Base):
    """One user's place in one group.

    Attributes:
        lms_role: Of `LMSRole`, or None where no platform said.
    """

    __tablename__ = "group_membership"
    __table_args__ = (
        UniqueConstraint("user_id", "group_id"),
        CheckConstraint("role IN ('member', 'moderator', 'admin', 'owner')", name="role"),
        CheckConstraint("lms_role IN ('lms_instructor', 'lms_student')", name="lms_role"),
    )

    id: Mapped[IntKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"), index=True)
    role: Mapped[LongText]
    lms_role: Mapped[LongText | None]
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]


class GroupScope(Base):
    """A web site, or a part of one, that a group is about.

    Attributes:
        origin: Scheme, host and port, lower-case, without default ports.
        path: Path prefix by whole segments; empty for the whole site.
    """

    __tablename__ = "group_scope"

    id: Mapped[IntKey]
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"), index=True)
    origin: Mapped[str] = mapped_column(String(300), index=True)
    path: Mapped[LongText] = mapped_column(server_default="")
