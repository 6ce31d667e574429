"""What the PostgreSQL search backend searches; the indexer writes it, and it can be rebuilt at any time."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base


class SearchDocument(Base):
    """The words of one annotation.

    Filters, order and visibility come from the annotation itself; only text needs an index of its own.

    Attributes:
        revision: `annotation.revision` that it was made from; an older one never replaces a newer one.
        words: Tokens folded in Python with positions; weights tell the field: A quote, B tags, C text, D URI parts.
    """

    __tablename__ = "search_document"
    __table_args__ = (Index("ix_search_document_words", "words", postgresql_using="gin"),)

    annotation_id: Mapped[UUID] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    words: Mapped[str] = mapped_column(TSVECTOR)
