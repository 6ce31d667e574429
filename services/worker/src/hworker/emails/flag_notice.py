"""The message to a moderator that an annotation was reported; it repeats nothing of the annotation."""

from email.message import EmailMessage

from hworker.emails.message import Envelope, compose
from hworker.notices.flags import FlagNotice


def flag_notice_message(notice: FlagNotice, envelope: Envelope) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    return compose(
        envelope, subject="An annotation has been reported", template="flag_notice", values={"notice": notice}
    )
