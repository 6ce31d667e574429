"""Ending log-ins; with a grant its tokens and sockets end."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from hcommon import outbox
from hcommon.events.accounts import GrantRevoked
from hcommon.models import AuthzCode, Grant
from sqlalchemy import ColumnElement, delete
from sqlalchemy.orm import Session

from hweb.logins.queries import GRANT_SOURCE_CODE, is_apart


def end_grants_of_other_browsers(session: Session, *, browser_session: str, user_id: int, now: datetime) -> None:
    """End what the sidebar got in any browser session but this one, also in those that have run out."""
    session.execute(delete(AuthzCode).where(AuthzCode.user_id == user_id, AuthzCode.browser_session != browser_session))
    _end(session, Grant.user_id == user_id, Grant.browser_session != browser_session, now=now)


def take_access_back(
    session: Session, *, client_id: UUID, user_id: int, browser_sessions: Collection[str], now: datetime
) -> None:
    """End all that an application was given, but what belongs to one of `browser_sessions`."""
    session.execute(
        delete(AuthzCode).where(
            AuthzCode.user_id == user_id,
            AuthzCode.auth_client_id == client_id,
            is_apart(AuthzCode, browser_sessions),
        )
    )
    _end(
        session,
        Grant.user_id == user_id,
        Grant.auth_client_id == client_id,
        Grant.source == GRANT_SOURCE_CODE,
        is_apart(Grant, browser_sessions),
        now=now,
    )


def _end(session: Session, *which: ColumnElement[bool], now: datetime) -> None:
    for grant_id in session.scalars(delete(Grant).where(*which).returning(Grant.id)).all():
        outbox.record(session, GrantRevoked(occurred_at=now, grant_id=grant_id))
