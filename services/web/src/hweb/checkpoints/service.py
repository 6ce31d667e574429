"""Makes and reveals checkpoints, in a constant number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hcommon import checkpoints, outbox
from hcommon.errors import HError
from hcommon.events.groups import MembershipChanged
from hcommon.ids import normalize_username
from hcommon.models import Checkpoint, Group, GroupMembership, User
from hcommon.models.group import LMSRole
from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.checkpoints.schemas import Course, Place


class UnknownUserError(HError):
    """The application's authority has no such user."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is at a place.

    Attributes:
        exists: Whether there is a checkpoint; none can be in a group that is not the authority's.
        reveal_date: When it was revealed, or None.
    """

    place: Place
    exists: bool
    reveal_date: datetime | None


def put(session: Session, *, course: Course, authority: str, now: datetime) -> list[Found]:
    """See to it that there is a checkpoint at each place, and that the user's role in those groups is known.

    Raises:
        UnknownUserError: The course names a user whom the authority does not have.
    """
    groups = _locked_groups(session, course.places, authority)
    changed = _put_role(session, course=course, group_ids=list(groups.values()), authority=authority, now=now)
    rows = {
        (groups[place.group_provided_id], place.uri_hash): place.document_uri
        for place in course.places
        if place.group_provided_id in groups
    }
    if rows:
        values = [
            {"group_id": group_id, "uri_hash": uri_hash, "document_uri": uri, "created": now}
            for (group_id, uri_hash), uri in rows.items()
        ]
        made = insert(Checkpoint).values(values).on_conflict_do_nothing().returning(Checkpoint.group_id)
        sealing = set(session.scalars(made))
        if sealing:
            session.execute(update(Group).where(Group.id.in_(sealing)).values(sealing=True))
        changed |= sealing
    checkpoints.reseal(session, group_ids=changed, now=now)
    return _found(session, course.places, groups)


def reveal(session: Session, *, course: Course, authority: str, now: datetime) -> list[Found]:
    """Reveal what is not revealed yet at each place."""
    groups = _locked_groups(session, course.places, authority)
    wanted = {
        (groups[place.group_provided_id], place.uri_hash)
        for place in course.places
        if place.group_provided_id in groups
    }
    sealing = session.execute(
        select(Checkpoint.id, Checkpoint.group_id, Checkpoint.uri_hash).where(
            Checkpoint.group_id.in_(groups.values()), Checkpoint.reveal_date.is_(None)
        )
    ).all()
    revealed = [row for row in sealing if (row.group_id, row.uri_hash) in wanted]
    if revealed:
        group_ids = {row.group_id for row in revealed}
        session.execute(
            update(Checkpoint).where(Checkpoint.id.in_([row.id for row in revealed])).values(reveal_date=now)
        )
        still = exists().where(Checkpoint.group_id == Group.id, Checkpoint.reveal_date.is_(None))
        session.execute(
            update(Group)
            .where(Group.id.in_(group_ids))
            .values(sealing=still)
            .execution_options(synchronize_session=False)
        )
        checkpoints.reseal(session, group_ids=group_ids, now=now)
    return _found(session, course.places, groups)


def _locked_groups(session: Session, places: Sequence[Place], authority: str) -> dict[str, int]:
    """Return the keys of the authority's groups by their names there; nobody else changes their checkpoints now."""
    rows = session.execute(
        select(Group.authority_provided_id, Group.id)
        .where(
            Group.authority == authority,
            Group.authority_provided_id.in_({place.group_provided_id for place in places}),
        )
        .order_by(Group.id)
        .with_for_update()
    )
    return {name: group_id for name, group_id in rows if name is not None}


def _put_role(session: Session, *, course: Course, group_ids: Sequence[int], authority: str, now: datetime) -> set[int]:
    """Note the user's role where it is a member; return the groups that got or lost an instructor."""
    if course.username is None or course.role is None:
        return set()
    user_id = session.scalar(
        select(User.id).where(
            User.username_normalized == normalize_username(course.username),
            User.authority == authority,
            User.deleted.is_(False),
        )
    )
    if user_id is None:
        raise UnknownUserError("user.username: there is no such user")
    mine = (GroupMembership.user_id == user_id, GroupMembership.group_id.in_(group_ids))
    rows = session.execute(select(GroupMembership.group_id, GroupMembership.lms_role).where(*mine))
    before = {row.group_id: row.lms_role for row in rows}
    different = {group_id for group_id, role in before.items() if role != course.role}
    if different:
        session.execute(
            update(GroupMembership)
            .where(GroupMembership.user_id == user_id, GroupMembership.group_id.in_(different))
            .values(lms_role=course.role.value)
        )
    instructing = {group_id for group_id in different if LMSRole.INSTRUCTOR in (before[group_id], course.role)}
    outbox.record_all(
        session,
        [MembershipChanged(occurred_at=now, user_id=user_id, group_id=group_id) for group_id in sorted(instructing)],
    )
    return instructing


def _found(session: Session, places: Sequence[Place], groups: Mapping[str, int]) -> list[Found]:
    rows = session.execute(
        select(Checkpoint.group_id, Checkpoint.uri_hash, Checkpoint.reveal_date).where(
            Checkpoint.group_id.in_(groups.values()), Checkpoint.uri_hash.in_({place.uri_hash for place in places})
        )
    )
    dates = {(group_id, uri_hash): reveal_date for group_id, uri_hash, reveal_date in rows}
    found = []
    for place in places:
        key = (groups.get(place.group_provided_id, 0), place.uri_hash)
        found.append(Found(place, key in dates, dates.get(key)))
    return found
