"""The message to the author of an annotation that somebody has replied."""

from datetime import datetime
from email.message import EmailMessage

from hworker.emails.message import compose
from hworker.replies import ReplyNotice


def reply_notice_message(notice: ReplyNotice, *, sender: str, message_id: str, now: datetime) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is not one.
    """
    return compose(
        to=notice.email,
        sender=sender,
        subject=f"{notice.replier} has replied to your annotation",
        message_id=message_id,
        template="reply_notice",
        values={"notice": notice},
        now=now,
    )
