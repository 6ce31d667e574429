"""User accounts, first-party (with a password) and third-party (of an auth client's authority)."""

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, RawJSON, Timestamp
from hcommon.ids import USER_PUBID_LENGTH


class User(Base):
    """One account.

    Attributes:
        username: As its owner writes it; accounts compare by `username_normalized` (no case, no dots).
        authority: The part after `@` of the userid.
        password_hash: argon2id, with its parameters; None for accounts that cannot log in here.
        nipsa: Shadow-banned ("not in public site areas"): only the user sees what the user writes.
        activated_at: None until the mailed link was followed; such an account cannot log in.
        password_changed_at: When the password, or the address, was changed last; voids links that were mailed before.
        shortcuts: JSON object of the client's keyboard shortcuts, or None.
    """

    __tablename__ = "user"
    __table_args__ = (
        UniqueConstraint("username_normalized", "authority"),
        Index("ix_user_deleted", "id", postgresql_where=text("deleted")),
        Index("uq_user_email_lower_authority", func.lower(text("email")), "authority", unique=True),
    )

    id: Mapped[IntKey]
    pubid: Mapped[str] = mapped_column(String(USER_PUBID_LENGTH), unique=True)
    username: Mapped[LongText]
    username_normalized: Mapped[LongText]
    authority: Mapped[LongText]
    email: Mapped[LongText | None]
    display_name: Mapped[LongText | None]
    description: Mapped[LongText | None]
    location: Mapped[LongText | None]
    link: Mapped[LongText | None]
    password_hash: Mapped[LongText | None]
    password_changed_at: Mapped[Timestamp | None]
    admin: Mapped[bool] = mapped_column(server_default=text("false"))
    staff: Mapped[bool] = mapped_column(server_default=text("false"))
    nipsa: Mapped[bool] = mapped_column(server_default=text("false"))
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    created: Mapped[Timestamp]
    activated_at: Mapped[Timestamp | None]
    privacy_accepted_at: Mapped[Timestamp | None]
    comms_opt_in: Mapped[bool] = mapped_column(server_default=text("false"))
    show_sidebar_tutorial: Mapped[bool] = mapped_column(server_default=text("true"))
    show_youtube_gdpr_banner: Mapped[bool] = mapped_column(server_default=text("true"))
    shortcuts: Mapped[str | None] = mapped_column(RawJSON)


class UserIdentity(Base):
    """How somebody else knows a user: a learning platform, an identity provider.

    Attributes:
        authority: The user's own; what one authority's clients say keeps no user of another from an identity.
    """

    __tablename__ = "user_identity"
    __table_args__ = (UniqueConstraint("provider_unique_id", "provider", "authority"),)

    id: Mapped[IntKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    authority: Mapped[LongText]
    provider: Mapped[LongText]
    provider_unique_id: Mapped[LongText]
    created: Mapped[Timestamp]
