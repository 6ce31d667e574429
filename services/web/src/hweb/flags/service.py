"""What readers report; moderators see how many have."""

from datetime import datetime
from uuid import UUID

from hcommon.models import Flag
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session


def flag(session: Session, *, annotation_id: UUID, user_id: int, now: datetime) -> None:
    """Record that a user reports an annotation that this user can see; a second report changes nothing."""
    row = {"annotation_id": annotation_id, "user_id": user_id, "created": now}
    session.execute(insert(Flag).values(row).on_conflict_do_nothing())
