"""What applications list and count: annotations in groups of their authority that others may see."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hcommon.db.engine import Database
from hcommon.ids import make_userid, normalize_username
from hcommon.models import Annotation, Group, GroupMembership, User
from hcommon.models.annotation import ModerationStatus
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import aliased

from hweb.bulk.schemas import AnnotationsFilter, CountsFilter, GroupsFilter

PAGE: Final = 5_000
"""Annotations read at once: a listing may be long, what is held of it is not."""

ASSIGNMENT: Final = ("lms", "assignment", "resource_link_id")
"""Where a learning platform says in `metadata` to which assignment an annotation belongs."""

_ESCAPED_NUL: Final = "\\u0000"
"""What PostgreSQL cannot turn into text; nobody's assignment is called that."""

_assignment_of_metadata = func.json_extract_path_text(Annotation.client_metadata, *ASSIGNMENT)

_visible: Final[ColumnElement[bool]] = and_(
    Annotation.shared,
    Annotation.deleted.is_(False),
    or_(Annotation.moderation_status.is_(None), Annotation.moderation_status == ModerationStatus.APPROVED.value),
)


def annotations(database: Database, *, wanted: AnnotationsFilter, authority: str) -> Iterator[Sequence[RowMapping]]:
    """Return pages of annotations, the oldest first; each page is read when it is asked for."""
    place: tuple[datetime, UUID] | None = None
    left = wanted.limit
    while left > 0:
        with database.read() as connection:
            page = connection.execute(_annotations(wanted, authority, place).limit(min(left, PAGE))).mappings().all()
        if page:
            yield page
        if len(page) < min(left, PAGE):
            return
        left -= len(page)
        place = page[-1]["created"], page[-1]["id"]


def _annotations(wanted: AnnotationsFilter, authority: str, place: tuple[datetime, UUID] | None) -> Any:
    member = aliased(User)
    groups = (
        select(GroupMembership.group_id)
        .join(member, member.id == GroupMembership.user_id)
        .join(Group, Group.id == GroupMembership.group_id)
        .where(
            member.username_normalized == normalize_username(wanted.username),
            member.authority == authority,
            member.deleted.is_(False),
            Group.authority == authority,
        )
    )
    statement = (
        select(
            Annotation.id,
            Annotation.created,
            User.username,
            Group.authority_provided_id,
            Annotation.client_metadata,
        )
        .join(User, User.id == Annotation.user_id)
        .join(Group, Group.id == Annotation.group_id)
        .where(
            _visible,
            User.nipsa.is_(False),
            Annotation.group_id.in_(groups),
            Annotation.created > wanted.created.after,
            Annotation.created <= wanted.created.upto,
        )
        .order_by(Annotation.created, Annotation.id)
    )
    if place is None:
        return statement
    return statement.where(tuple_(Annotation.created, Annotation.id) > place)


def active_groups(connection: Connection, *, wanted: GroupsFilter, authority: str) -> Sequence[str]:
    """Return the authority's own ids of those groups that have annotations of that time, sorted."""
    annotated = exists().where(
        Annotation.group_id == Group.id,
        Annotation.shared,
        Annotation.deleted.is_(False),
        Annotation.created > wanted.created.after,
        Annotation.created <= wanted.created.upto,
    )
    provided_id = Group.authority_provided_id
    found = connection.execute(
        select(provided_id)
        .where(Group.authority == authority, provided_id.in_(wanted.provided_ids), annotated)
        .order_by(provided_id)
    ).scalars()
    return [name for name in found if name is not None]


def counts(connection: Connection, *, wanted: CountsFilter, authority: str) -> list[dict[str, Any]]:
    """Return how many annotations there are by assignment or by user, in the order of their names.

    Only those of an assignment count, and highlights without a text do not.
    """
    assignment = case((func.strpos(cast(Annotation.client_metadata, Text), _ESCAPED_NUL) == 0, _assignment_of_metadata))
    is_reply = func.cardinality(Annotation.references) > 0
    has_selectors = Annotation.target_selectors.is_not(None)
    columns = (User.username, User.display_name) if wanted.by_user else (assignment.label("assignment_id"),)
    statement = (
        select(
            *columns,
            func.count().filter(~is_reply, has_selectors).label("annotations"),
            func.count().filter(is_reply).label("replies"),
            func.count().filter(~is_reply, ~has_selectors).label("page_notes"),
            func.max(Annotation.created).label("last_activity"),
        )
        .join_from(Annotation, User, User.id == Annotation.user_id)
        .join(Group, Group.id == Annotation.group_id)
        .where(
            _visible,
            User.nipsa.is_(False),
            User.deleted.is_(False),
            Group.authority == authority,
            Group.authority_provided_id.in_(wanted.provided_ids),
            Annotation.client_metadata.is_not(None) if wanted.by_user else assignment.is_not(None),
            Annotation.text != "",
        )
        .group_by(User.id if wanted.by_user else text("assignment_id"))
        .order_by(User.username if wanted.by_user else text("assignment_id"))
    )
    if wanted.usernames is not None:
        of_user = (User.authority == authority, User.username_normalized.in_(wanted.usernames))
        statement = statement.where(*of_user)
    if wanted.assignments is not None:
        statement = statement.where(assignment.in_(wanted.assignments))
    return [_count(row, authority) for row in connection.execute(statement).mappings()]


def _count(row: RowMapping, authority: str) -> dict[str, Any]:
    username = row.get("username")
    return {
        "assignment_id": row.get("assignment_id"),
        "userid": make_userid(username, authority) if username else None,
        "display_name": row.get("display_name"),
        "annotations": row["annotations"],
        "replies": row["replies"],
        "page_notes": row["page_notes"],
        "last_activity": row["last_activity"].isoformat(timespec="microseconds"),
    }
