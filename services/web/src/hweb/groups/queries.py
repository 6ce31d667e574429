"""Every SELECT of groups."""

from collections.abc import Collection, Sequence

from hcommon.auth import Principal
from hcommon.authz import group_readable_condition
from hcommon.db.prepared import prepared
from hcommon.ids import WORLD_GROUP, InvalidGroupidError, split_groupid
from hcommon.models import Annotation, Group, GroupMembership, GroupScope, User
from hcommon.models.group import Role
from hcommon.presentation.group import GROUP_COLUMNS
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    any_,
    bindparam,
    exists,
    func,
    select,
    union,
)
from sqlalchemy.orm import Session, aliased

# Built once: constructing a statement costs as much as executing it.
_world = aliased(Group)
_there = Group.deleted.is_(False)
_mine = Group.id == any_(bindparam("group_ids", type_=ARRAY(BigInteger)))
_by_id = prepared(select(*GROUP_COLUMNS).where(_mine))
_candidates = union(
    select(Group.id).where(Group.pubid == WORLD_GROUP),
    select(GroupScope.group_id).where(GroupScope.origin == bindparam("origin")),
    select(Group.id).where(_mine),
).subquery()
_for_document = prepared(
    select(*GROUP_COLUMNS)
    .join(_candidates, _candidates.c.id == Group.id)
    .where(Group.authority == bindparam("authority"))
)


def groups_for_document(
    connection: Connection, *, authority: str, origin: str | None, group_ids: Collection[int]
) -> Sequence[RowMapping]:
    """Return the groups that may matter, in no order: of the document's origin, the public one, and those of these ids.

    Args:
        connection: Where to read.
        authority: The authority that all of them belong to.
        origin: Origin of the document; None for a document that no scope can hold.
        group_ids: Groups that the user is a member of.
    """
    values = {"authority": authority, "origin": origin, "group_ids": list(group_ids)}
    return connection.execute(_for_document, values).mappings().all()


def groups_by_id(connection: Connection, *, group_ids: Collection[int]) -> Sequence[RowMapping]:
    """Return these groups, in no order."""
    if not group_ids:
        return []
    return connection.execute(_by_id, {"group_ids": list(group_ids)}).mappings().all()


def readable_group(connection: Connection | Session, *, name: str, principal: Principal) -> RowMapping | None:
    """Return the group of this API id or third-party `groupid`, if the principal may know of it."""
    statement = select(*GROUP_COLUMNS).where(_named(name), _there, group_readable_condition(principal))
    return connection.execute(statement).mappings().first()


def by_pubid(session: Session, *, pubid: str) -> RowMapping:
    """Return a group that is there, whoever may read it."""
    return session.execute(select(*GROUP_COLUMNS).where(Group.pubid == pubid)).mappings().one()


def by_name(session: Session, *, name: str) -> RowMapping | None:
    """Return a group by its API id or third-party `groupid`, whoever may read it."""
    statement = select(*GROUP_COLUMNS, Group.description).where(_named(name), _there)
    return session.execute(statement).mappings().first()


def lock(session: Session, *, name: str, principal: Principal) -> RowMapping | None:
    """Lock a group that the principal may know of against other changes, and return it as it is now."""
    statement = select(*GROUP_COLUMNS, Group.description).where(
        _named(name), _there, group_readable_condition(principal)
    )
    return session.execute(statement.with_for_update(of=Group, key_share=True)).mappings().first()


def page_of(connection: Connection | Session, *, pubid: str, authority: str) -> RowMapping | None:
    """Return what a group's page shows, whoever may see it."""
    members = (
        select(func.count())
        .select_from(GroupMembership)
        .join(User, User.id == GroupMembership.user_id)
        .where(GroupMembership.group_id == Group.id, User.deleted.is_(False))
        .scalar_subquery()
        .label("members")
    )
    statement = select(*GROUP_COLUMNS, Group.description, members)
    return (
        connection.execute(statement.where(Group.pubid == pubid, Group.authority == authority, _there))
        .mappings()
        .first()
    )


def annotation_count(connection: Connection | Session, *, group_id: int) -> int:
    """Return how many annotations a group has, private ones among them."""
    mine = (Annotation.group_id == group_id, Annotation.deleted.is_(False))
    return connection.execute(select(func.count()).select_from(Annotation).where(*mine)).scalar_one()


def listed(connection: Connection, *, name: str, limit: int, ownerless: bool = False) -> Sequence[RowMapping]:
    """Return groups for operators, the newest first, with their number of members.

    Args:
        connection: Where to read.
        name: Part of the name, in any case; empty for all.
        limit: How many at most.
        ownerless: Only those of the site that nobody owns, but for the public group.
    """
    members = (
        select(func.count())
        .where(GroupMembership.group_id == Group.id)
        .correlate(Group)
        .scalar_subquery()
        .label("members")
    )
    statement = select(*GROUP_COLUMNS, Group.created, members).where(
        Group.name.icontains(name, autoescape=True), _there
    )
    if ownerless:
        owned = (
            exists()
            .where(GroupMembership.group_id == Group.id, GroupMembership.role == Role.OWNER)
            .where(User.id == GroupMembership.user_id, User.deleted.is_(False))
        )
        of_the_site = Group.authority == select(_world.authority).where(_world.pubid == WORLD_GROUP).scalar_subquery()
        statement = statement.where(~owned, of_the_site, Group.pubid != WORLD_GROUP)
    return connection.execute(statement.order_by(Group.created.desc(), Group.id.desc()).limit(limit)).mappings().all()


def _named(name: str) -> ColumnElement[bool]:
    try:
        provided_id, authority = split_groupid(name)
    except InvalidGroupidError:
        return Group.pubid == name
    return and_(Group.authority_provided_id == provided_id, Group.authority == authority)
