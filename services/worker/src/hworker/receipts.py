"""Mails that belong to an event and not to an annotation: who was sent which."""

from datetime import datetime
from uuid import UUID

from hcommon.models import MailReceipt
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session


def claim(session: Session, *, event_id: UUID, recipient_id: int, now: datetime) -> bool:
    """Take it on to mail the recipient, in the session's transaction; False when they were mailed before.

    Waits while another transaction is at the same mail.
    """
    row = {"event_id": event_id, "recipient_id": recipient_id, "created": now}
    claimed = session.execute(insert(MailReceipt).values(row).on_conflict_do_nothing().returning(MailReceipt.id))
    return claimed.first() is not None
