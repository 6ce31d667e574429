"""What readers report; moderators see how many have."""

from datetime import datetime
from uuid import UUID

from hcommon import outbox
from hcommon.events.moderation import AnnotationFlagged
from hcommon.models import Flag
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session


def flag(session: Session, *, annotation_id: UUID, user_id: int, now: datetime) -> None:
    """Record that a user reports an annotation that this user can see; a second report changes nothing."""
    row = {"annotation_id": annotation_id, "user_id": user_id, "created": now}
    made = session.scalar(insert(Flag).values(row).on_conflict_do_nothing().returning(Flag.id))
    if made is not None:
        outbox.record(session, AnnotationFlagged(occurred_at=now, annotation_id=annotation_id, user_id=user_id))
