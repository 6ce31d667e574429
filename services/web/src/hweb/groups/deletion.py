"""Deleting a group with all that hangs on it."""

from datetime import datetime

from hcommon import outbox
from hcommon.errors import ErrorKind, HError
from hcommon.events.groups import MembershipDeleted
from hcommon.events.lifecycle import GroupDeleted
from hcommon.ids import WORLD_GROUP
from hcommon.models import Group, GroupMembership
from hcommon.models.group import CLOSED
from sqlalchemy import delete as sql_delete
from sqlalchemy import update
from sqlalchemy.orm import Session


class PublicGroupError(HError):
    """The public group belongs to the site and stays."""

    kind = ErrorKind.INVALID


def delete(session: Session, *, group_id: int, now: datetime) -> bool:
    """Delete a group: from now on nobody can read, write or join it; the worker removes its annotations.

    Its authors still see their own annotations until then. Its third-party id is free for another group.

    Returns:
        Whether it was there and not deleted before.

    Raises:
        PublicGroupError: It is the public group.
    """
    closed = update(Group).where(Group.id == group_id, Group.deleted.is_(False)).values(**CLOSED, updated=now)
    pubid = session.scalar(closed.returning(Group.pubid))
    if pubid is None:
        return False
    if pubid == WORLD_GROUP:
        raise PublicGroupError("The public group cannot be deleted.")
    gone = sql_delete(GroupMembership).where(GroupMembership.group_id == group_id).returning(GroupMembership.user_id)
    for user_id in session.scalars(gone).all():
        outbox.record(session, MembershipDeleted(occurred_at=now, group_id=group_id, user_id=user_id))
    outbox.record(session, GroupDeleted(occurred_at=now, group_id=group_id))
    return True
