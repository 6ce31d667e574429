"""The messages about another address of an account: to the new one, for proof, and to the old one, for warning."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

from hcommon.crypto import KeyRing

from hworker.emails.message import Envelope, compose

LIFETIME: Final = timedelta(hours=24)
LABEL: Final = "change-email"
"""Purpose of the signed code; the web service verifies it as `[user_id, new, old, time of the last change]`."""


def change_link(
    keys: KeyRing,
    *,
    app_url: str,
    user_id: int,
    email: str,
    old_email: str | None,
    password_changed_at: datetime | None,
    now: datetime,
) -> str:
    """Return the link; it works for `LIFETIME`, until the account has another address or password."""
    changed = password_changed_at.timestamp() if password_changed_at else None
    code = keys.sign(LABEL, [user_id, email, old_email, changed], expires_at=now + LIFETIME)
    return f"{app_url}/account/email/{code}"


def change_message(envelope: Envelope, *, username: str, link: str, app_url: str) -> EmailMessage:
    """Return the message that carries the link.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    values = {"username": username, "link": link, "app_url": app_url, "hours": LIFETIME // timedelta(hours=1)}
    return compose(envelope, subject="Please confirm your e-mail address", template="email_change", values=values)


def in_use_message(envelope: Envelope, *, app_url: str) -> EmailMessage:
    """Return the message to an address that cannot be taken, because another account has it.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    values = {"app_url": app_url}
    return compose(envelope, subject="This address has an account already", template="email_in_use", values=values)


def changed_message(envelope: Envelope, *, username: str, app_url: str) -> EmailMessage:
    """Return the message to the address that the account had.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    values = {"username": username, "app_url": app_url}
    return compose(envelope, subject="Your e-mail address was changed", template="email_changed", values=values)
