"""The message to the author of an annotation that somebody has replied."""

from email.message import EmailMessage

from hworker.emails.message import Envelope, compose
from hworker.notices.replies import ReplyNotice


def reply_notice_message(notice: ReplyNotice, envelope: Envelope) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    subject = f"{notice.replier} has replied to your annotation"
    return compose(envelope, subject=subject, template="reply_notice", values={"notice": notice})
