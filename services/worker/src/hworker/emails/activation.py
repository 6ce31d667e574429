"""The message that proves an address: it carries the link that activates an account."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

from hcommon.crypto import KeyRing

from hworker.emails.message import Envelope, compose

LIFETIME: Final = timedelta(days=7)
LABEL: Final = "activate"
"""Purpose of the signed code; the web service verifies it as `[user_id, email]`."""


def activation_link(keys: KeyRing, *, app_url: str, user_id: int, email: str, now: datetime) -> str:
    """Return the link; it works for `LIFETIME`, and only while the account has this address."""
    code = keys.sign(LABEL, [user_id, email], expires_at=now + LIFETIME)
    return f"{app_url}/activate/{user_id}/{code}"


def activation_message(envelope: Envelope, *, username: str, link: str, app_url: str) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    values = {"username": username, "link": link, "app_url": app_url, "days": LIFETIME.days}
    return compose(envelope, subject="Please activate your account", template="activation", values=values)
