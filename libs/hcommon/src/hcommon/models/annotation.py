"""Annotations and the flags that readers put on them."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func
from sqlalchemy import text as sql_text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, RawJSON, Timestamp


class ModerationStatus(StrEnum):
    """A moderator's verdict; anything but APPROVED (or none) hides the annotation."""

    APPROVED = "APPROVED"
    PENDING = "PENDING"
    DENIED = "DENIED"
    SPAM = "SPAM"


class Annotation(Base):
    """One annotation, page note, highlight or reply.

    Attributes:
        id: Version 7 UUID made in Python; ids of older installations keep their own shape.
        references: Ancestors, the thread's root first and the parent last; empty for a thread's root.
        target_uri: As sent, trimmed.
        target_uri_normalized: Its normal form.
        target_uri_hash: `uri.uri_hash` of the normal form: what page reads look up.
        target_selectors: JSON list as sent, letter for letter; None when there are none (a page note or a reply).
        target_description: Description of the target, or None.
        extra: JSON object of the client's own keys, echoed at the top level; None when there are none.
        client_metadata: JSON object of the embedding service (`metadata`), never returned by the API.
        document_version: Version of the document that was annotated; None means unversioned.
        moderation_status: None while private and never judged.
        sealed: Kept from the group's ordinary readers by a checkpoint until that is revealed; see `checkpoints`.
        revealed_to_id: The one of them who sees it all the same: an instructor's reply, by whom it answers.
        revision: Raised by every change that a search document depends on.
    """

    __tablename__ = "annotation"
    __table_args__ = (
        # A page is read in either order: the client asks for one, whoever names none gets the other.
        Index("ix_annotation_target_uri_hash_created", "target_uri_hash", "created", "id"),
        Index("ix_annotation_target_uri_hash_updated", "target_uri_hash", "updated", "id"),
        Index("ix_annotation_group_id_created", "group_id", "created", "id"),
        Index("ix_annotation_user_id_created", "user_id", "created", "id"),
        Index("ix_annotation_updated", "updated", "id"),
        Index("ix_annotation_created", "created", "id"),
        # Wildcard searches have a literal beginning; 500 characters of it stay below the limit of a btree row.
        Index(
            "ix_annotation_target_uri_prefix",
            func.left(sql_text("target_uri_normalized"), 500).label("uri_prefix"),
            postgresql_ops={"uri_prefix": "text_pattern_ops"},
        ),
        Index("ix_annotation_references", "references", postgresql_using="gin"),
        # What waits for moderators or was refused, in the order of their queue.
        Index(
            "ix_annotation_group_id_hidden",
            "group_id",
            "moderation_status",
            "created",
            postgresql_where=sql_text("moderation_status IN ('PENDING', 'DENIED', 'SPAM')"),
        ),
        Index("ix_annotation_deleted_updated", "updated", postgresql_where=sql_text("deleted")),
        CheckConstraint(
            "moderation_status IN ('APPROVED', 'PENDING', 'DENIED', 'SPAM')",
            name="moderation_status",
        ),
    )

    id: Mapped[UUID] = mapped_column(PG_UUID, primary_key=True)
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    text: Mapped[LongText]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    shared: Mapped[bool]
    deleted: Mapped[bool] = mapped_column(server_default=sql_text("false"))
    references: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID), server_default="{}")
    target_uri: Mapped[LongText]
    target_uri_normalized: Mapped[LongText]
    target_uri_hash: Mapped[UUID]
    target_selectors: Mapped[str | None] = mapped_column(RawJSON)
    target_description: Mapped[LongText | None]
    extra: Mapped[str | None] = mapped_column(RawJSON)
    client_metadata: Mapped[str | None] = mapped_column(RawJSON)
    document_version: Mapped[int | None]
    moderation_status: Mapped[LongText | None]
    sealed: Mapped[bool] = mapped_column(server_default=sql_text("false"))
    revealed_to_id: Mapped[int | None] = mapped_column(BigInteger)
    revision: Mapped[int] = mapped_column(server_default="1")


class Flag(Base):
    """A reader's report of an annotation to the group's moderators; it cannot be withdrawn."""

    __tablename__ = "flag"
    __table_args__ = (UniqueConstraint("annotation_id", "user_id"),)

    id: Mapped[IntKey]
    annotation_id: Mapped[UUID] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created: Mapped[Timestamp]
