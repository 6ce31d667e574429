"""The message to an author that a moderator has judged an annotation."""

from email.message import EmailMessage
from typing import Final

from hcommon.models.annotation import ModerationStatus

from hworker.emails.message import Envelope, compose
from hworker.notices.verdicts import VerdictNotice

_OUTCOMES: Final = {
    ModerationStatus.APPROVED: "has been approved",
    ModerationStatus.PENDING: "waits for approval again",
    ModerationStatus.DENIED: "has been declined",
}


def verdict_notice_message(notice: VerdictNotice, envelope: Envelope) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    outcome = _OUTCOMES[notice.status]
    return compose(
        envelope,
        subject=f"Your annotation in {notice.group} {outcome}",
        template="verdict_notice",
        values={"notice": notice, "outcome": outcome},
    )
