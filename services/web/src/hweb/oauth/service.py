"""Writes of the OAuth feature. Codes and tokens are stored as SHA-256 only."""

from datetime import datetime
from uuid import UUID, uuid4

from hcommon import outbox
from hcommon.events.accounts import GrantRevoked
from hcommon.models import AuthClient, AuthzCode, Grant, Token
from hcommon.tokens import hash_token, new_token
from sqlalchemy import delete, func, insert, update
from sqlalchemy.orm import Session

from hweb.oauth import queries
from hweb.oauth.schemas import (
    ACCESS_LIFETIME,
    CODE_LIFETIME,
    DEVELOPER_PREFIX,
    REFRESH_LIFETIME,
    GrantOfToken,
)


def save_code(
    session: Session,
    *,
    code: str,
    client_id: UUID,
    user_id: int,
    redirect_uri: str | None,
    code_challenge: str | None,
    browser_session: str | None,
    now: datetime,
) -> None:
    """Store a new authorization code; `redirect_uri` only if the request named it."""
    session.execute(
        insert(AuthzCode).values(
            code_hash=hash_token(code),
            user_id=user_id,
            auth_client_id=client_id,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            browser_session=browser_session,
            expires=now + CODE_LIFETIME,
        )
    )


def drop_code(session: Session, *, code: str) -> None:
    """Forget a code that was exchanged."""
    session.execute(delete(AuthzCode).where(AuthzCode.code_hash == hash_token(code)))


def grant_id_of_code(code: str) -> UUID:
    """Return the id of the grant that a code leads to, so that a code that comes a second time names it."""
    return UUID(bytes=hash_token(f"grant of {code}")[:16], version=4)


def start_grant(
    session: Session,
    *,
    grant_id: UUID | None,
    user_id: int,
    client_id: UUID | None,
    source: str,
    now: datetime,
    browser_session: str | None = None,
) -> UUID:
    """Start a grant and return its id; a random one where none is given."""
    chosen = grant_id or uuid4()
    session.execute(
        insert(Grant).values(
            id=chosen,
            user_id=user_id,
            auth_client_id=client_id,
            source=source,
            browser_session=browser_session,
            created=now,
        )
    )
    return chosen


def save_tokens(session: Session, *, grant_id: UUID, access_token: str, refresh_token: str, now: datetime) -> None:
    """Store a new pair of tokens of a grant."""
    session.execute(
        insert(Token).values(
            grant_id=grant_id,
            access_hash=hash_token(access_token),
            access_expires=now + ACCESS_LIFETIME,
            refresh_hash=hash_token(refresh_token),
            refresh_expires=now + REFRESH_LIFETIME,
            created=now,
        )
    )


def retire_refresh_token(session: Session, *, token_id: int, now: datetime) -> None:
    """Note that a refresh token was used; its short grace counts from the first use."""
    session.execute(update(Token).where(Token.id == token_id).values(replaced_at=func.coalesce(Token.replaced_at, now)))


def create_developer_token(session: Session, *, user_id: int, now: datetime) -> str:
    """Create a token for a program of the user's and return it in clear, this once; it never expires."""
    token = new_token(DEVELOPER_PREFIX)
    grant_id = start_grant(session, grant_id=None, user_id=user_id, client_id=None, source="developer", now=now)
    session.execute(insert(Token).values(grant_id=grant_id, access_hash=hash_token(token), created=now))
    return token


def revoke_token(session: Session, *, token: str, now: datetime) -> GrantOfToken | None:
    """End the grant of a token with all its tokens and sockets, and return it; None for an unknown token."""
    grant = queries.grant_of_token(session, token=token)
    return grant if grant and revoke_grant(session, grant_id=grant.id, now=now) else None


def revoke_grant(session: Session, *, grant_id: UUID, now: datetime) -> bool:
    """End a grant; False if there is none."""
    ended = session.scalar(delete(Grant).where(Grant.id == grant_id).returning(Grant.id))
    if ended is None:
        return False
    outbox.record(session, GrantRevoked(occurred_at=now, grant_id=grant_id))
    return True


def delete_client(session: Session, *, client_id: UUID, now: datetime) -> None:
    """Forget a client and end all of its grants with their tokens and sockets."""
    ended = delete(Grant).where(Grant.auth_client_id == client_id).returning(Grant.id)
    for grant_id in session.scalars(ended).all():
        outbox.record(session, GrantRevoked(occurred_at=now, grant_id=grant_id))
    session.execute(delete(AuthClient).where(AuthClient.id == client_id))
