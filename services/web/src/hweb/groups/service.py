"""What is done with groups: one function an action, each in the caller's transaction."""

from datetime import datetime
from typing import Final, Literal

from hcommon.errors import ErrorKind, HError
from hcommon.ids import GROUP_PUBID_LENGTH, new_pubid
from hcommon.models import Group, GroupMembership
from hcommon.models.group import JoinableBy, ReadableBy, Role, WriteableBy
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

GroupType = Literal["private", "restricted", "open"]

MIN_NAME: Final = 3
MAX_NAME: Final = 25

# Source: specification of the API, section 2.6.
_ACCESS: Final[dict[GroupType, tuple[JoinableBy, ReadableBy, WriteableBy]]] = {
    "private": (JoinableBy.AUTHORITY, ReadableBy.MEMBERS, WriteableBy.MEMBERS),
    "restricted": (JoinableBy.NOBODY, ReadableBy.WORLD, WriteableBy.MEMBERS),
    "open": (JoinableBy.NOBODY, ReadableBy.WORLD, WriteableBy.AUTHORITY),
}


class InvalidGroupError(HError):
    """The group cannot be as it is asked for."""

    kind = ErrorKind.INVALID


class GroupNotFoundError(HError):
    """There is no such group, or it is not for this user to know of."""

    kind = ErrorKind.NOT_FOUND


def create(
    session: Session, *, name: str, group_type: GroupType, creator_id: int, authority: str, now: datetime
) -> str:
    """Create a group whose one owner is its creator, and return its API id.

    Raises:
        InvalidGroupError: The name is too short, too long, or begins or ends with white space.
    """
    if not MIN_NAME <= len(name) <= MAX_NAME or name != name.strip():
        raise InvalidGroupError(f"A group's name has {MIN_NAME} to {MAX_NAME} characters and no space around it.")
    joinable, readable, writeable = _ACCESS[group_type]
    group = Group(
        pubid=new_pubid(GROUP_PUBID_LENGTH),
        authority=authority,
        name=name,
        creator_id=creator_id,
        joinable_by=joinable,
        readable_by=readable,
        writeable_by=writeable,
        created=now,
        updated=now,
    )
    session.add(group)
    session.flush()
    put_member(session, group_id=group.id, user_id=creator_id, role=Role.OWNER, now=now)
    return group.pubid


def put_member(session: Session, *, group_id: int, user_id: int, role: Role, now: datetime) -> None:
    """Make a user a member with this role, whatever the role was before."""
    row = {"group_id": group_id, "user_id": user_id, "role": role.value, "created": now, "updated": now}
    session.execute(
        insert(GroupMembership)
        .values(row)
        .on_conflict_do_update(index_elements=["user_id", "group_id"], set_={"role": role.value, "updated": now})
    )
