"""A group keeps an owner: when the last one goes, the member next in line becomes one.

That holds for groups of the site itself, whose authority is that of the public group. Those of other authorities belong
to the applications that made them: whom these put in charge is theirs to say.
Whoever takes a role away locks the group first (`lock`), so that two owners who go at once see each other do it.
"""

from datetime import datetime
from typing import Final, cast

from sqlalchemy import Connection, RowMapping, Table, bindparam, case, exists, select, update
from sqlalchemy.orm import Session, aliased

from hcommon import outbox
from hcommon.events.groups import MembershipChanged
from hcommon.ids import WORLD_GROUP
from hcommon.models import Group, GroupMembership, User
from hcommon.models.group import Role

_memberships: Final = cast("Table", GroupMembership.__table__)
_world: Final = aliased(Group)
_ranks: Final = {role.value: rank for rank, role in enumerate(Role)}

# `FOR NO KEY UPDATE`: whoever writes annotations there meanwhile does not wait.
_lock: Final = (
    select(Group.id)
    .where(Group.id == bindparam("of_group"), Group.deleted.is_(False))
    .with_for_update(of=Group, key_share=True)
)
_is_of_the_site: Final = select(
    exists().where(Group.id == bindparam("of_group"), Group.authority == _world.authority, _world.pubid == WORLD_GROUP)
)
_is_other: Final = (
    GroupMembership.group_id == bindparam("of_group"),
    GroupMembership.user_id != bindparam("but_user"),
    User.deleted.is_(False),
)
_first: Final = (
    select(GroupMembership.id, GroupMembership.user_id, GroupMembership.role, User.username)
    .join(User, User.id == GroupMembership.user_id)
    .where(*_is_other)
    .order_by(
        (GroupMembership.role == Role.OWNER.value).desc(),
        User.nipsa,
        case(_ranks, value=GroupMembership.role).desc(),
        GroupMembership.created,
        GroupMembership.id,
    )
    .limit(1)
)
# Locked, because another may be leaving who is no owner: then the next one is taken.
_first_locked: Final = _first.with_for_update(of=GroupMembership)
_NOBODY: Final = 0


def lock(session: Session, *, group_id: int) -> bool:
    """Lock a group against other changes of who is in it, and return whether it is there and not deleted."""
    return session.execute(_lock, {"of_group": group_id}).first() is not None


def next_owner(connection: Connection | Session, *, group_id: int, user_id: int) -> RowMapping | None:
    """Return who owns a group if a user does not; None if nobody else is in it.

    That is another owner, if there is one. Otherwise of those with the highest role the one who joined first; users who
    are shadow-banned come last, deleted ones never.

    Returns:
        A row with the `user_id`, the present `role` and the `username`.
    """
    return connection.execute(_first, {"of_group": group_id, "but_user": user_id}).mappings().first()


def has_members(session: Session, *, group_id: int) -> bool:
    """Return whether anybody is in a group."""
    return next_owner(session, group_id=group_id, user_id=_NOBODY) is not None


def pass_on(session: Session, *, group_id: int, user_id: int, now: datetime) -> bool:
    """Have a group that a user owns no more be owned by somebody else, who hears of it.

    Args:
        session: The caller's transaction, in which the group is locked.
        group_id: Which group.
        user_id: Who owns it no more, whether still a member or not.
        now: When.

    Returns:
        False if it is a group of the site and nobody is there to own it.
    """
    if not session.scalar(_is_of_the_site, {"of_group": group_id}):
        return True
    first = session.execute(_first_locked, {"of_group": group_id, "but_user": user_id}).first()
    if first is None:
        return False
    if first.role != Role.OWNER:
        change = update(_memberships).where(_memberships.c.id == first.id)
        session.execute(change.values(role=Role.OWNER.value, updated=now))
        outbox.record(session, MembershipChanged(occurred_at=now, group_id=group_id, user_id=first.user_id))
    return True
