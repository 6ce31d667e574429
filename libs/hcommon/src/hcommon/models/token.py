"""OAuth: clients, codes, grants and tokens. Codes and tokens are stored as SHA-256 only."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class Capability(StrEnum):
    """Something that a client may do only if those who run the site say so."""

    BULK = "bulk"


class AuthClient(Base):
    """An application that acts for users of one authority.

    Attributes:
        secret_encrypted: `KeyRing.encrypt("authclient", …)`; None for public clients. JWT grants are verified with
            the secret itself, so it must be readable.
        grant_type: `authorization_code`, `jwt_bearer` or `client_credentials`.
        redirect_uri: Literal; required for `authorization_code`.
        trusted: Users are not asked for consent.
        capabilities: What it may do beyond its grant type, of `Capability`.
    """

    __tablename__ = "auth_client"
    __table_args__ = (
        CheckConstraint("grant_type IN ('authorization_code', 'jwt_bearer', 'client_credentials')", name="grant_type"),
        CheckConstraint("grant_type <> 'authorization_code' OR redirect_uri IS NOT NULL", name="redirect_uri"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[LongText]
    authority: Mapped[LongText]
    secret_encrypted: Mapped[LongText | None]
    grant_type: Mapped[LongText]
    redirect_uri: Mapped[LongText | None]
    trusted: Mapped[bool] = mapped_column(server_default=text("false"))
    capabilities: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    created: Mapped[Timestamp]


class AuthzCode(Base):
    """A single-use authorization code.

    Attributes:
        code_challenge: PKCE S256 challenge; the exchange must bring its verifier.
        redirect_uri: As sent on authorize, when it was sent; the exchange must repeat it.
        browser_session: For the grant to come, see there.
    """

    __tablename__ = "authz_code"

    id: Mapped[IntKey]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    auth_client_id: Mapped[UUID] = mapped_column(ForeignKey("auth_client.id", ondelete="CASCADE"), index=True)
    redirect_uri: Mapped[LongText | None]
    code_challenge: Mapped[LongText | None]
    browser_session: Mapped[LongText | None]
    expires: Mapped[Timestamp] = mapped_column(index=True)


class Grant(Base):
    """A user's standing permission for a client: one log-in, its tokens and its sockets.

    Attributes:
        auth_client_id: None for developer tokens.
        source: `code`, `jwt` or `developer`; a `jwt` grant never carries admin or staff rights.
        browser_session: Key of the browser session in which the site's own client got it: one does not outlive the
            other when somebody logs out. None for all other clients.
    """

    __tablename__ = "grant"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    auth_client_id: Mapped[UUID | None] = mapped_column(ForeignKey("auth_client.id", ondelete="CASCADE"), index=True)
    source: Mapped[LongText]
    browser_session: Mapped[LongText | None]
    created: Mapped[Timestamp]


class Token(Base):
    """An access token and, but for developer tokens, its refresh token.

    Attributes:
        access_expires: None: never.
        replaced_at: When the refresh token was used; it is honoured again for a short grace after that.
    """

    __tablename__ = "token"

    id: Mapped[IntKey]
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grant.id", ondelete="CASCADE"), index=True)
    access_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    access_expires: Mapped[Timestamp | None]
    refresh_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    refresh_expires: Mapped[Timestamp | None] = mapped_column(index=True)
    replaced_at: Mapped[Timestamp | None]
    created: Mapped[Timestamp]
