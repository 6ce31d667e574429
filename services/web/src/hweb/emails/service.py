"""Writes of the e-mail address."""

from datetime import datetime

from hcommon import outbox
from hcommon.events.accounts import EmailChanged, EmailChangeRequested
from hcommon.models import User
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hweb.accounts.schemas import Account
from hweb.accounts.service import EmailTakenError, end_grants


def request_change(session: Session, *, account: Account, email: str, now: datetime) -> None:
    """Have a link mailed to the new address, or the news that another account has it; nothing changes before that."""
    outbox.record(
        session,
        EmailChangeRequested(
            occurred_at=now,
            user_id=account.id,
            email=email,
            old_email=account.email,
            password_changed_at=account.password_changed_at,
        ),
    )


def change(session: Session, *, account: Account, email: str, now: datetime) -> None:
    """Give an account another address, and have the old one told. All log-ins through OAuth end, as with a password.

    The caller also ends the browser sessions (`SessionStore.end_all`).

    Raises:
        EmailTakenError: Another account has it by now.
    """
    try:
        with session.begin_nested():
            # A new time of change too: when the old address comes back, no link of before it may work again.
            session.execute(update(User).where(User.id == account.id).values(email=email, password_changed_at=now))
    except IntegrityError as error:
        raise EmailTakenError("Another account has this address by now. Nothing was changed.") from error
    end_grants(session, user_id=account.id, now=now, keep_developer=True)
    if account.email:
        outbox.record(session, EmailChanged(occurred_at=now, user_id=account.id, old_email=account.email))
