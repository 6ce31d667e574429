"""Reads of the list of log-ins."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from hcommon.models import AuthClient, AuthzCode, Grant, Token
from sqlalchemy import ColumnElement, Connection, func, or_, select

from hweb.logins.schemas import Application

GRANT_SOURCE_CODE: Final = "code"


def applications(
    connection: Connection, *, user_id: int, browser_sessions: Collection[str], now: datetime, limit: int
) -> list[Application]:
    """Return who was given access, the one that used it last first.

    What the sidebar got in one of `browser_sessions` ends with that, and is no application of its own.
    """
    used = func.max(Token.created)
    rows = connection.execute(
        select(AuthClient.id, AuthClient.name, func.min(Grant.created), used)
        .select_from(Grant)
        .join(AuthClient, AuthClient.id == Grant.auth_client_id)
        .join(Token, Token.grant_id == Grant.id)
        .where(
            Grant.user_id == user_id,
            Grant.source == GRANT_SOURCE_CODE,
            Token.refresh_expires > now,
            is_apart(Grant, browser_sessions),
        )
        .group_by(AuthClient.id, AuthClient.name)
        .order_by(used.desc(), AuthClient.id)
        .limit(limit)
    )
    return [Application(*row) for row in rows]


def is_apart(of: type[Grant] | type[AuthzCode], browser_sessions: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a grant, or a code, was given in none of these sessions."""
    return or_(of.browser_session.is_(None), of.browser_session.not_in(browser_sessions))
