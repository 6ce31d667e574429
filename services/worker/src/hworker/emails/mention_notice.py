"""The message to somebody whom an annotation mentions."""

from email.message import EmailMessage

from hworker.emails.message import Envelope, compose
from hworker.notices.mentions import MentionNotice


def mention_notice_message(notice: MentionNotice, envelope: Envelope) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    subject = f"{notice.author} has mentioned you in an annotation"
    return compose(envelope, subject=subject, template="mention_notice", values={"notice": notice})
