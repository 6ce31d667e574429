"""Reads of the OAuth feature. Codes and refresh tokens are locked by reading them, so that each is used once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from hcommon.crypto import KeyRing
from hcommon.ids import make_userid
from hcommon.models import AuthClient, AuthzCode, Grant, Token, User
from hcommon.tokens import hash_token
from sqlalchemy import Connection, Row, or_, select
from sqlalchemy.orm import Session

from hweb.authclients import SECRET_LABEL
from hweb.oauth.schemas import REFRESH_GRACE, AboutToken, Client, Code, GrantOfToken, RefreshToken


def client(session: Session, *, client_id: str | UUID | None, keys: KeyRing, site_client_id: UUID) -> Client | None:
    """Return a client by its id, or None; what is no id is nobody's."""
    try:
        key = client_id if isinstance(client_id, UUID) else UUID(client_id or "")
    except ValueError:
        return None
    row = session.get(AuthClient, key)
    if row is None:
        return None
    return Client(
        id=row.id,
        name=row.name,
        authority=row.authority,
        secret=keys.decrypt(SECRET_LABEL, row.secret_encrypted) if row.secret_encrypted else None,
        grant_type=row.grant_type,
        redirect_uri=row.redirect_uri,
        trusted=row.trusted,
        public=row.secret_encrypted is None or row.id == site_client_id,
    )


def code(session: Session, *, code: str, client_id: UUID, now: datetime) -> Code | None:
    """Return a client's unused, fresh code of a live user and lock it."""
    row = (
        session.execute(
            select(
                AuthzCode.user_id,
                AuthzCode.auth_client_id,
                AuthzCode.redirect_uri,
                AuthzCode.code_challenge,
                AuthzCode.browser_session,
            )
            .join(User, User.id == AuthzCode.user_id)
            .where(
                AuthzCode.code_hash == hash_token(code),
                AuthzCode.auth_client_id == client_id,
                AuthzCode.expires > now,
                User.deleted.is_(False),
            )
            .with_for_update(of=AuthzCode)
        )
        .mappings()
        .first()
    )
    return Code(**row) if row else None


def refresh_token(session: Session, *, token: str, now: datetime) -> RefreshToken | None:
    """Return a live user's refresh token that is unused, or was used a moment ago, and lock it."""
    row = (
        session.execute(
            select(Token.id, Token.grant_id, Grant.auth_client_id, Grant.user_id, Token.replaced_at)
            .join(Grant, Grant.id == Token.grant_id)
            .join(User, User.id == Grant.user_id)
            .where(
                Token.refresh_hash == hash_token(token),
                Token.refresh_expires > now,
                or_(Token.replaced_at.is_(None), Token.replaced_at > now - REFRESH_GRACE),
                Grant.auth_client_id.is_not(None),
                User.deleted.is_(False),
            )
            .with_for_update(of=Token)
        )
        .mappings()
        .first()
    )
    return RefreshToken(**row) if row else None


def grant_of_token(session: Session, *, token: str) -> GrantOfToken | None:
    """Return the grant of an access, refresh or developer token, expired or not."""
    hashed = hash_token(token)
    row = (
        session.execute(
            select(Grant.id, Grant.user_id, Grant.browser_session)
            .join(Token, Token.grant_id == Grant.id)
            .where(or_(Token.access_hash == hashed, Token.refresh_hash == hashed))
        )
        .mappings()
        .first()
    )
    return GrantOfToken(**row) if row else None


def developer_grants(connection: Connection | Session, *, user_id: int) -> Sequence[Row[UUID, datetime]]:
    """Return id and date of the grants of a user's developer tokens, the oldest first."""
    statement = select(Grant.id, Grant.created).where(Grant.user_id == user_id, Grant.source == "developer")
    return connection.execute(statement.order_by(Grant.created, Grant.id)).all()


def about_access_token(connection: Connection, *, token: str, now: datetime) -> AboutToken | None:
    """Return what there is to know of a live user's valid token."""
    row = (
        connection.execute(
            select(
                User.username,
                User.authority,
                Token.created.label("issued"),
                Token.access_expires.label("expires"),
                AuthClient.id.label("client_id"),
                AuthClient.name.label("client_name"),
            )
            .select_from(Token)
            .join(Grant, Grant.id == Token.grant_id)
            .join(User, User.id == Grant.user_id)
            .outerjoin(AuthClient, AuthClient.id == Grant.auth_client_id)
            .where(
                Token.access_hash == hash_token(token),
                or_(Token.access_expires.is_(None), Token.access_expires > now),
                User.deleted.is_(False),
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    values = dict(row)
    return AboutToken(userid=make_userid(values.pop("username"), values.pop("authority")), **values)


def user_id_of(session: Session, *, username_normalized: str, authority: str) -> int | None:
    """Return the key of a live user."""
    found: int | None = session.scalar(
        select(User.id).where(
            User.username_normalized == username_normalized, User.authority == authority, User.deleted.is_(False)
        )
    )
    return found
