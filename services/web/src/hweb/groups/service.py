"""What is done with groups: one function an action, each in the caller's transaction."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, cast

import sqlalchemy as sa
from hcommon import outbox
from hcommon.auth import Principal
from hcommon.errors import ErrorKind, HError
from hcommon.events.groups import GroupReadersChanged, GroupUpdated
from hcommon.ids import GROUP_PUBID_LENGTH, WORLD_GROUP, make_groupid, new_pubid
from hcommon.models import Group, GroupScope
from hcommon.models.group import Role
from hcommon.presentation.group import group_type
from hcommon.uri import split_scope
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hweb.accounts.schemas import email_problem
from hweb.groups import members, queries
from hweb.groups.rules import ACCESS, may_edit
from hweb.groups.schemas import GroupChange, InvalidGroupError

_table: Final = cast("sa.Table", Group.__table__)
MAIL_NAME_CHARACTERS: Final = 100
"""Longest name of a sender."""

_UNIQUE_VIOLATION: Final = "23505"


class GroupNotFoundError(HError):
    """There is no such group, or it is not for this user to know of or to change."""

    kind = ErrorKind.NOT_FOUND


class GroupidTakenError(HError):
    """Another group has this `groupid`."""

    kind = ErrorKind.CONFLICT


def readable(connection: sa.Connection | Session, *, name: str, principal: Principal) -> sa.RowMapping:
    """Return a group by its id or its third-party `groupid`.

    Raises:
        GroupNotFoundError: There is none, or the principal may not know of it.
    """
    row = queries.readable_group(connection, name=name, principal=principal)
    if row is None:
        raise GroupNotFoundError("There is no such group.")
    return row


def create(
    session: Session,
    *,
    group: GroupChange,
    creator_id: int,
    authority: str,
    now: datetime,
    client_id: str | None = None,
) -> str:
    """Create a group whose one member is its creator, as owner, and return its API id.

    Args:
        session: The caller's transaction.
        group: Its name, and whatever else is said of it; without a type it is private.
        creator_id: Whose it is.
        authority: The creator's.
        now: When.
        client_id: The browser tab that must not hear its own echo.

    Raises:
        GroupidTakenError: There is a group with that `groupid`.
    """
    joinable, readable_by, writeable = ACCESS[group.type or "private"]
    pubid = new_pubid(GROUP_PUBID_LENGTH)
    values = {
        "pubid": pubid,
        "authority": authority,
        "authority_provided_id": group.authority_provided_id,
        "name": group.name,
        "description": group.description,
        "creator_id": creator_id,
        "joinable_by": joinable.value,
        "readable_by": readable_by.value,
        "writeable_by": writeable.value,
        "pre_moderated": bool(group.pre_moderated),
        "created": now,
        "updated": now,
    }
    unless_taken = insert(_table).on_conflict_do_nothing(index_elements=["authority", "authority_provided_id"])
    group_id = session.execute(unless_taken.values(values).returning(_table.c.id)).scalar()
    if group_id is None:
        raise _taken(group, authority)
    members.put(session, group_id=group_id, user_id=creator_id, role=Role.OWNER, now=now, client_id=client_id)
    return pubid


def editable(session: Session, *, name: str, principal: Principal) -> sa.RowMapping:
    """Lock a group that the principal may change, and return it.

    Raises:
        GroupNotFoundError: There is none, or the principal may not change it.
    """
    row = queries.lock(session, name=name, principal=principal)
    if row is None or not may_edit(principal, group_id=row["id"], authority=row["authority"]):
        raise GroupNotFoundError("There is no such group.")
    return row


def update(
    session: Session,
    *,
    group: Mapping[Any, Any],
    change: GroupChange,
    now: datetime,
    client_id: str | None = None,
) -> None:
    """Change what `change` names; what is so already is no change.

    Args:
        session: The caller's transaction.
        group: The group as `editable` returned it.
        change: What is to become of it.
        now: When.
        client_id: The browser tab that must not hear its own echo.

    Raises:
        GroupidTakenError: Another group has that `groupid`.
        InvalidGroupError: The public group is to become another type.
    """
    values = {
        "name": change.name,
        "description": change.description,
        "authority_provided_id": change.authority_provided_id,
        "pre_moderated": change.pre_moderated,
    }
    if change.type is not None and change.type != group_type(cast("sa.RowMapping", group)):
        if group["pubid"] == WORLD_GROUP:
            raise InvalidGroupError("type: the public group is always open")
        joinable, readable_by, writeable = ACCESS[change.type]
        values |= {"joinable_by": joinable, "readable_by": readable_by, "writeable_by": writeable}
    values = {name: value for name, value in values.items() if value is not None and value != group[name]}
    if not values:
        return
    try:
        with session.begin_nested():
            session.execute(sa.update(_table).where(_table.c.id == group["id"]).values(**values, updated=now))
    except IntegrityError as error:
        if getattr(error.orig, "pgcode", None) != _UNIQUE_VIOLATION:
            raise
        raise _taken(change, group["authority"]) from error
    _record(session, group["id"], now=now, client_id=client_id, readers_changed="readable_by" in values)


def set_scopes(session: Session, *, group_id: int, urls: Iterable[str], enforce: bool, now: datetime) -> None:
    """Say which part of the web a group is about, in place of what was said before.

    Args:
        session: The caller's transaction.
        group_id: Which group.
        urls: Beginnings of http(s) addresses; none for everything.
        enforce: Whether annotations elsewhere are refused.
        now: When.

    Raises:
        InvalidURIError: One of them is no http(s) address.
    """
    scopes = list(dict.fromkeys([split_scope(url) for url in urls]))
    session.execute(sa.delete(GroupScope).where(GroupScope.group_id == group_id))
    session.add_all([GroupScope(group_id=group_id, origin=origin, path=path) for origin, path in scopes])
    session.execute(sa.update(_table).where(_table.c.id == group_id).values(enforce_scope=enforce, updated=now))
    _record(session, group_id, now=now)


def set_organization(session: Session, *, group_id: int, organization_id: int | None, now: datetime) -> None:
    """Say which organisation stands behind a group; None for none."""
    values = {"organization_id": organization_id, "updated": now}
    session.execute(sa.update(_table).where(_table.c.id == group_id).values(values))
    _record(session, group_id, now=now)


def set_mail(
    session: Session, *, group_id: int, reply_to: str | None, email_from_name: str | None, now: datetime
) -> None:
    """Say where answers to the mails of a group's moderators go, and what those mails call their sender.

    Args:
        session: The caller's transaction.
        group_id: Which group.
        reply_to: An address; empty for the site's own, None for as it is.
        email_from_name: Likewise a name.
        now: When.

    Raises:
        InvalidGroupError: One of them is none.
    """
    if reply_to and (problem := email_problem(reply_to)):
        raise InvalidGroupError(problem)
    if email_from_name and (len(email_from_name) > MAIL_NAME_CHARACTERS or not email_from_name.isprintable()):
        raise InvalidGroupError(f"The name may have up to {MAIL_NAME_CHARACTERS} characters in one line.")
    said = {"reply_to": reply_to, "email_from_name": email_from_name}
    values = {name: value.strip() or None for name, value in said.items() if value is not None}
    session.execute(sa.update(_table).where(_table.c.id == group_id).values(**values, updated=now))
    _record(session, group_id, now=now)


def _record(
    session: Session, group_id: int, *, now: datetime, client_id: str | None = None, readers_changed: bool = False
) -> None:
    event = GroupUpdated(occurred_at=now, client_id=client_id, group_id=group_id, readers_changed=readers_changed)
    outbox.record(session, event)
    if readers_changed:
        outbox.record(session, GroupReadersChanged(occurred_at=now, group_id=group_id))


def _taken(change: GroupChange, authority: str) -> GroupidTakenError:
    groupid = make_groupid(change.authority_provided_id or "", authority)
    return GroupidTakenError(f"groupid: there is a group with the id {groupid}")
