"""Organisations that groups belong to."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp
from hcommon.ids import DEFAULT_ORGANIZATION


class Organization(Base):
    """Whoever stands behind some groups: clients show its name and logo beside theirs.

    Attributes:
        pubid: The API's `id`; `__default__` is the one that clients take for the site's own.
        logo: SVG document, or None.
    """

    __tablename__ = "organization"

    id: Mapped[IntKey]
    pubid: Mapped[str] = mapped_column(String(len(DEFAULT_ORGANIZATION)), unique=True)
    name: Mapped[LongText]
    authority: Mapped[LongText]
    logo: Mapped[LongText | None]
    created: Mapped[Timestamp]
    updated: Mapped[Timestamp]
