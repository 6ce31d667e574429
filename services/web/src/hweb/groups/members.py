"""What is done with members of groups: one function an action, each in the caller's transaction.

Each records what it did as an event, and nothing when it changed nothing. The last owner of a group hands it on by
leaving it or by giving up the role (`hcommon.ownership`).
"""

from datetime import datetime
from typing import Any, Final, cast

import sqlalchemy as sa
from hcommon import outbox, ownership
from hcommon.auth import Principal
from hcommon.errors import ErrorKind, HError
from hcommon.events.groups import MembershipChanged, MembershipCreated, MembershipDeleted
from hcommon.models import GroupMembership
from hcommon.models.group import Role
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.groups import member_queries
from hweb.groups.rules import assignable_roles, may_join, may_remove

ME: Final = "me"
"""The userid by which users name themselves."""

_table: Final = cast("sa.Table", GroupMembership.__table__)
_insert: Final = insert(_table).on_conflict_do_nothing(index_elements=["user_id", "group_id"]).returning(_table.c.id)
_role: Final = sa.select(_table.c.role).with_for_update()
_is_theirs: Final = sa.and_(_table.c.group_id == sa.bindparam("of_group"), _table.c.user_id == sa.bindparam("of_user"))


class MembershipNotFoundError(HError):
    """There is no such membership, or it is not for this user to know of or to change."""

    kind = ErrorKind.NOT_FOUND


class RoleConflictError(HError):
    """The user is a member in another role."""

    kind = ErrorKind.CONFLICT


class LastOwnerError(HError):
    """A group's only member gives up owning it."""

    kind = ErrorKind.CONFLICT


def userid_of(userid: str, principal: Principal) -> str:
    """Return the userid that is meant: `me` is who asks.

    Raises:
        MembershipNotFoundError: It is `me`, and no user asks.
    """
    if userid != ME:
        return userid
    if principal.userid is None:
        raise MembershipNotFoundError("Log in first.")
    return principal.userid


def found(connection: sa.Connection | Session, *, group_id: int, userid: str) -> sa.RowMapping:
    """Return one membership.

    Raises:
        MembershipNotFoundError: There is none.
    """
    row = member_queries.member(connection, group_id=group_id, userid=userid)
    if row is None:
        raise MembershipNotFoundError("There is no such member.")
    return row


def add(session: Session, *, group_id: int, userid: str, authority: str, role: Role | None, now: datetime) -> None:
    """Make a user a member; one who is a member stays one.

    Args:
        session: The caller's transaction.
        group_id: Which group.
        userid: Which user.
        authority: That of the group, which the user must have too.
        role: As what; None for a plain member, or whatever the user is already.
        now: When.

    Raises:
        MembershipNotFoundError: There is no such user of that authority.
        RoleConflictError: The user is a member in another role.
    """
    user = member_queries.user(session, userid=userid)
    if user is None or user["authority"] != authority:
        raise MembershipNotFoundError("There is no such user.")
    if _create(session, group_id=group_id, user_id=user["id"], role=role or Role.MEMBER, now=now) or role is None:
        return
    if found(session, group_id=group_id, userid=userid)["role"] != role:
        raise RoleConflictError("The user is a member of this group already, in another role.")


def join(
    session: Session, *, principal: Principal, group_id: int, joinable_by: str | None, authority: str, now: datetime
) -> None:
    """Make the user who asks a member, if the group is one to join; its owner, if everybody has left it.

    Raises:
        MembershipNotFoundError: It is not.
    """
    user_id = principal.user_id
    if user_id is None or not may_join(principal, joinable_by=joinable_by, authority=authority):
        raise MembershipNotFoundError("This group cannot be joined.")
    if not ownership.lock(session, group_id=group_id):
        raise MembershipNotFoundError("This group was deleted.")
    role = Role.MEMBER if ownership.has_members(session, group_id=group_id) else Role.OWNER
    _create(session, group_id=group_id, user_id=user_id, role=role, now=now)


def put(
    session: Session, *, group_id: int, user_id: int, role: Role, now: datetime, client_id: str | None = None
) -> None:
    """Make a user a member with this role, whatever the role was before.

    Raises:
        LastOwnerError: The user is the only member, and owns the group.
    """
    ownership.lock(session, group_id=group_id)
    values = {"group_id": group_id, "user_id": user_id}
    if not _create(session, **values, role=role, now=now, client_id=client_id):
        _set_role(session, **values, role=role, now=now, client_id=client_id)


def change_role(
    session: Session,
    *,
    principal: Principal,
    group_id: int,
    userid: str,
    role: Role,
    now: datetime,
    client_id: str | None = None,
) -> None:
    """Give a member another role.

    Raises:
        MembershipNotFoundError: There is no such member, or it is not for the principal to do that.
        LastOwnerError: The member is the only one, and owns the group.
    """
    row = _locked(session, group_id=group_id, userid=userid)
    actor, own = _actor(session, group_id, principal), row["user_id"] == principal.user_id
    if role not in assignable_roles(actor, Role(row["role"]), own=own):
        raise MembershipNotFoundError("You may not give this role to this member.")
    _set_role(session, group_id=group_id, user_id=row["user_id"], role=role, now=now, client_id=client_id)


def remove(
    session: Session,
    *,
    principal: Principal,
    group_id: int,
    userid: str,
    now: datetime,
    client_id: str | None = None,
) -> None:
    """End a membership: the user's own, or that of somebody of a lesser role.

    Raises:
        MembershipNotFoundError: There is no such member, or it is not for the principal to do that.
    """
    row = _locked(session, group_id=group_id, userid=userid)
    actor, own = _actor(session, group_id, principal), row["user_id"] == principal.user_id
    if not may_remove(actor, Role(row["role"]), own=own):
        raise MembershipNotFoundError("You may not remove this member.")
    delete(session, group_id=group_id, user_id=row["user_id"], now=now, client_id=client_id)


def delete(session: Session, *, group_id: int, user_id: int, now: datetime, client_id: str | None = None) -> bool:
    """End a membership, whoever asks, and return whether there was one."""
    ownership.lock(session, group_id=group_id)
    theirs = {"of_group": group_id, "of_user": user_id}
    role = session.execute(sa.delete(_table).where(_is_theirs).returning(_table.c.role), theirs).scalar()
    if role is None:
        return False
    _record(session, MembershipDeleted, group_id=group_id, user_id=user_id, now=now, client_id=client_id)
    if role == Role.OWNER:
        ownership.pass_on(session, group_id=group_id, user_id=user_id, now=now)
    return True


def lock_as_owner(session: Session, *, principal: Principal, group_id: int) -> None:
    """Lock a group against other changes of who is in it, on behalf of an owner.

    Raises:
        MembershipNotFoundError: Who asks does not own it, or not any more.
    """
    ownership.lock(session, group_id=group_id)
    if _actor(session, group_id, principal) is not Role.OWNER:
        raise MembershipNotFoundError("You do not own this group.")


def succession(connection: sa.Connection, *, principal: Principal, group_id: int) -> dict[str, str | None] | None:
    """Return what becomes of a group if who asks leaves it: None unless that is its last owner.

    Returns:
        As `heir` the name of who owns it then; None if there is nobody.
    """
    if principal.user_id is None or principal.roles.get(group_id) != Role.OWNER:
        return None
    heir = ownership.next_owner(connection, group_id=group_id, user_id=principal.user_id)
    if heir is not None and heir["role"] == Role.OWNER:
        return None
    return {"heir": heir["username"] if heir is not None else None}


def _actor(session: Session, group_id: int, principal: Principal) -> Role | None:
    """Return the role of who asks, now that the group is locked: it may have been taken away since the request came."""
    return member_queries.role(session, group_id=group_id, user_id=principal.user_id)


def _locked(session: Session, *, group_id: int, userid: str) -> sa.RowMapping:
    ownership.lock(session, group_id=group_id)
    row = member_queries.lock_member(session, group_id=group_id, userid=userid)
    if row is None:
        raise MembershipNotFoundError("There is no such member.")
    return row


def _create(
    session: Session, *, group_id: int, user_id: int, role: Role, now: datetime, client_id: str | None = None
) -> bool:
    row = {"group_id": group_id, "user_id": user_id, "role": role.value, "created": now, "updated": now}
    made = session.execute(_insert, row).scalar()
    if made is not None:
        _record(session, MembershipCreated, group_id=group_id, user_id=user_id, now=now, client_id=client_id)
    return made is not None


def _set_role(
    session: Session, *, group_id: int, user_id: int, role: Role, now: datetime, client_id: str | None
) -> None:
    theirs = {"of_group": group_id, "of_user": user_id}
    before = session.execute(_role.where(_is_theirs), theirs).scalar_one()
    if before == role:
        return
    change = sa.update(_table).where(_is_theirs).values(role=role.value, updated=now)
    session.execute(change, theirs)
    _record(session, MembershipChanged, group_id=group_id, user_id=user_id, now=now, client_id=client_id)
    if before == Role.OWNER and not ownership.pass_on(session, group_id=group_id, user_id=user_id, now=now):
        raise LastOwnerError("A group needs an owner, and there is nobody else in this one.")


def _record(
    session: Session,
    event: type[MembershipCreated | MembershipChanged | MembershipDeleted],
    *,
    now: datetime,
    client_id: str | None,
    **ids: Any,
) -> None:
    outbox.record(session, event(occurred_at=now, client_id=client_id, **ids))
