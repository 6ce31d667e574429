"""Every SELECT of members of groups; users who are deleted are none."""

from collections.abc import Sequence
from typing import Any, Final

from hcommon.ids import InvalidUseridError, normalize_username, split_userid
from hcommon.models import GroupMembership, User
from hcommon.models.group import Role
from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select
from sqlalchemy.orm import Session

_MAX_OFFSET: Final = 2**62

# Built once: constructing a statement costs as much as executing it.
_source = GroupMembership.__table__.join(User.__table__, User.id == GroupMembership.user_id)
_of_group = (GroupMembership.group_id == bindparam("of_group"), User.deleted.is_(False))
_columns = (
    GroupMembership.user_id,
    GroupMembership.role,
    GroupMembership.created,
    GroupMembership.updated,
    User.username,
    User.authority,
    User.display_name,
)
_all = (
    select(*_columns)
    .select_from(_source)
    .where(*_of_group)
    .order_by(GroupMembership.created, User.username, GroupMembership.id)
)
_page = _all.limit(bindparam("size")).offset(bindparam("first"))
_total = select(func.count()).select_from(_source).where(*_of_group)
_one = (
    select(*_columns)
    .select_from(_source)
    .where(
        *_of_group,
        User.username_normalized == bindparam("of_username"),
        User.authority == bindparam("of_authority"),
    )
)
_role = select(GroupMembership.role).where(
    GroupMembership.group_id == bindparam("of_group"), GroupMembership.user_id == bindparam("of_user")
)
_locked = _one.with_for_update(of=GroupMembership)
_user = select(User.id, User.authority).where(
    User.username_normalized == bindparam("of_username"),
    User.authority == bindparam("of_authority"),
    User.deleted.is_(False),
)


def members(connection: Connection, *, group_id: int) -> Sequence[RowMapping]:
    """Return all members, by when they joined and then by name."""
    return connection.execute(_all, {"of_group": group_id}).mappings().all()


def page(connection: Connection, *, group_id: int, first: int, size: int) -> tuple[int, Sequence[RowMapping]]:
    """Return how many members there are, and some of them in the order of `members`.

    Args:
        connection: Where to read.
        group_id: Which group.
        first: How many to leave out.
        size: How many at most.
    """
    values = {"of_group": group_id, "first": min(first, _MAX_OFFSET), "size": size}
    rows = connection.execute(_page, values).mappings().all()
    return connection.execute(_total, {"of_group": group_id}).scalar_one(), rows


def member(connection: Connection | Session, *, group_id: int, userid: str) -> RowMapping | None:
    """Return one membership; None if there is none, or nobody can have that userid."""
    return _first(connection, _one, userid, of_group=group_id)


def lock_member(session: Session, *, group_id: int, userid: str) -> RowMapping | None:
    """Lock one membership against other changes, and return it as it is now; None if there is none."""
    return _first(session, _locked, userid, of_group=group_id)


def role(session: Session, *, group_id: int, user_id: int | None) -> Role | None:
    """Return what a user is in a group as of now; None for no member, and for nobody."""
    found = session.scalar(_role, {"of_group": group_id, "of_user": user_id})
    return Role(found) if found is not None else None


def user(session: Session, *, userid: str) -> RowMapping | None:
    """Return key and authority of a user, or None."""
    return _first(session, _user, userid)


def _first(
    connection: Connection | Session, statement: Select[*tuple[Any, ...]], userid: str, **values: Any
) -> RowMapping | None:
    try:
        username, authority = split_userid(userid)
    except InvalidUseridError:
        return None
    values |= {"of_username": normalize_username(username), "of_authority": authority}
    return connection.execute(statement, values).mappings().first()
