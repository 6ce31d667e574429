"""The message with the link to choose a new password."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

from hcommon.crypto import KeyRing

from hworker.emails.message import Envelope, compose

LIFETIME: Final = timedelta(hours=24)
LABEL: Final = "reset-password"
"""Purpose of the signed code; the web service verifies it as `[user_id, email, time of the last change]`."""


def reset_link(
    keys: KeyRing, *, app_url: str, user_id: int, email: str, password_changed_at: datetime | None, now: datetime
) -> str:
    """Return the link; it works for `LIFETIME`, until the password is changed or the account has another address."""
    changed = password_changed_at.timestamp() if password_changed_at else None
    code = keys.sign(LABEL, [user_id, email, changed], expires_at=now + LIFETIME)
    return f"{app_url}/account/reset/{code}"


def reset_message(envelope: Envelope, *, username: str, link: str, app_url: str) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    values = {"username": username, "link": link, "app_url": app_url, "hours": LIFETIME // timedelta(hours=1)}
    return compose(envelope, subject="Choose a new password", template="password_reset", values=values)
