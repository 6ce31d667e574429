"""The message to an account's owner that something happened to its second factor."""

from collections.abc import Mapping
from email.message import EmailMessage
from typing import Final

from hcommon.events.accounts import SecondFactorChange

from hworker.emails.message import Envelope, compose

SUBJECTS: Final[Mapping[SecondFactorChange, str]] = {
    SecondFactorChange.TURNED_ON: "Two-factor authentication was turned on",
    SecondFactorChange.TURNED_OFF: "Two-factor authentication was turned off",
    SecondFactorChange.RECOVERY_CODE_USED: "A recovery code was used",
}


def second_factor_notice_message(
    envelope: Envelope, *, change: SecondFactorChange, username: str, app_url: str
) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    values = {"change": change.value, "username": username, "app_url": app_url}
    return compose(envelope, subject=SUBJECTS[change], template="second_factor_notice", values=values)
