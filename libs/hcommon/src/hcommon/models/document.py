"""Documents: web pages and files known under several URIs."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class Document(Base):
    """A connected component of URI claims.

    Attributes:
        title: The first title ever claimed; None until one is.
    """

    __tablename__ = "document"

    id: Mapped[IntKey]
    title: Mapped[LongText | None]
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]


class DocumentURI(Base):
    """An edge: one user's claim that the page `claimant` is also found at `uri`.

    Claims of different users stay apart, so that withdrawing one person's claims leaves everybody else's.

    Attributes:
        claimant: URI of the page that made the claim, as sent.
        claimant_hash: `uri.uri_hash` of its normal form; rows are looked up by hash, since a btree row ends at 2.7 kB.
        uri: The claimed URI, as sent.
        uri_normalized: Its normal form.
        uri_hash: `uri.uri_hash` of that.
        type: `self-claim`, `rel-canonical`, `highwire-pdf`, `dc-doi` … or empty.
        content_type: `application/pdf` or empty.
        user_id: Who claimed it first in these words; None once the account is purged.
        annotation_id: With which annotation (which may be purged by now).
    """

    __tablename__ = "document_uri"
    __table_args__ = (
        UniqueConstraint("claimant_hash", "uri_hash", "type", "content_type", "user_id", name="uq_document_uri_claim"),
        Index("ix_document_uri_uri_hash_document_id", "uri_hash", "document_id"),
    )

    id: Mapped[IntKey]
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    claimant: Mapped[LongText]
    claimant_hash: Mapped[UUID]
    uri: Mapped[LongText]
    uri_normalized: Mapped[LongText]
    uri_hash: Mapped[UUID]
    type: Mapped[LongText]
    content_type: Mapped[LongText]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    annotation_id: Mapped[UUID]
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]


class WithdrawnURI(Base):
    """A claim that was withdrawn when a document was split: it joins nothing, and is not taken on again.

    The other columns are those of the claim as it was in `DocumentURI`.

    Attributes:
        for_everyone: Nobody's claim that these two are the same counts any more; else only this user's.
        created: When it was claimed.
        withdrawn: When it was withdrawn.
    """

    __tablename__ = "withdrawn_uri"
    __table_args__ = (Index("ix_withdrawn_uri_claimant_hash_uri_hash", "claimant_hash", "uri_hash"),)

    id: Mapped[IntKey]
    claimant: Mapped[LongText]
    claimant_hash: Mapped[UUID]
    uri: Mapped[LongText]
    uri_normalized: Mapped[LongText]
    uri_hash: Mapped[UUID]
    type: Mapped[LongText]
    content_type: Mapped[LongText]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    annotation_id: Mapped[UUID]
    for_everyone: Mapped[bool]
    created: Mapped[Timestamp]
    withdrawn: Mapped[Timestamp]


class DocumentMeta(Base):
    """One piece of metadata that a page claimed about its document; the last claim wins.

    Attributes:
        type: Dotted name below `document` as sent: `title`, `dc.title`, `highwire.doi` …
        value: The texts claimed, in order.
    """

    __tablename__ = "document_meta"
    __table_args__ = (UniqueConstraint("claimant_hash", "type"),)

    id: Mapped[IntKey]
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    claimant: Mapped[LongText]
    claimant_hash: Mapped[UUID]
    type: Mapped[LongText]
    value: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]
