"""Reads of the identities that accounts are connected with."""

from hcommon.models import User, UserIdentity
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from hweb.accounts import queries as accounts
from hweb.accounts.schemas import Account
from hweb.oidc.schemas import Identity


def account_of(connection: Connection | Session, *, provider: str, subject: str, authority: str) -> Account | None:
    """Return the account that is connected with an identity."""
    user_id = connection.execute(
        select(UserIdentity.user_id).where(
            UserIdentity.provider == provider,
            UserIdentity.provider_unique_id == subject,
            UserIdentity.authority == authority,
        )
    ).scalar()
    return None if user_id is None else accounts.by_id(connection, user_id=user_id, authority=authority)


def account_of_address(connection: Connection | Session, *, email: str, authority: str) -> Account | None:
    """Return the active account of a mail address."""
    account = accounts.by_login(connection, login=email, authority=authority) if email else None
    return account if account and account.activated_at else None


def identities(connection: Connection | Session, *, user_id: int) -> list[Identity]:
    """Return what an account is connected with, the oldest first."""
    rows = connection.execute(
        select(UserIdentity.provider, UserIdentity.provider_unique_id, UserIdentity.created)
        .where(UserIdentity.user_id == user_id)
        .order_by(UserIdentity.created, UserIdentity.id)
    )
    return [Identity(*row) for row in rows]


def lock_account(session: Session, *, user_id: int) -> None:
    """Keep others from changing an account, or what it is connected with, until the transaction ends."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
