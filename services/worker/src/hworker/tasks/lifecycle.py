"""Tasks that bring annotations up to date after a rename, and remove what belongs to deleted users and groups.

They work in pieces of a transaction each. A task that has done its share records its event again for the rest, in
the transaction of its last piece, so that it stays within its time limit and goes on where it was after any failure.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID, uuid4

from hcommon import outbox, ownership
from hcommon.events.accounts import UserDeleted, UserRenamed
from hcommon.events.annotations import AnnotationDeleted, AnnotationRefreshed
from hcommon.events.base import Event
from hcommon.events.lifecycle import GroupDeleted
from hcommon.models import Annotation, Flag, Group, GroupMembership, User
from hcommon.models.group import CLOSED, Role
from sqlalchemy import ColumnElement, Table, delete, exists, select, update
from sqlalchemy.orm import Session

from hworker.context import Context
from hworker.tasks.chunks import in_chunk

CHUNK: Final = 500
"""Annotations of one transaction."""

CHUNKS_A_TASK: Final = 20

_annotations = cast("Table", Annotation.__table__)


def refresh_renamed_user(
    context: Context, *, event: UserRenamed, chunk: int = CHUNK, chunks: int = CHUNKS_A_TASK
) -> None:
    """Have the index and the sockets show a user's annotations under the new name."""

    def refresh(session: Session, after: UUID | None, now: datetime) -> UUID | None:
        mine = [Annotation.user_id == event.user_id, Annotation.deleted.is_(False)]
        if after is not None:
            mine.append(Annotation.id > after)
        changed = _change(session, *mine, values={}, chunk=chunk)
        for annotation_id, revision in changed:
            outbox.record(session, AnnotationRefreshed(occurred_at=now, annotation_id=annotation_id, revision=revision))
        return max(key for key, _ in changed) if len(changed) == chunk else None

    after = event.after
    for number in range(chunks):
        now = context.clock.now()
        with context.database.transaction() as session:
            after = refresh(session, after, now)
            if after is None:
                return
            if number == chunks - 1 or context.stop.is_set():
                _go_on(session, event, now=now, after=after)
                return


def empty_deleted_group(
    context: Context, *, event: GroupDeleted, chunk: int = CHUNK, chunks: int = CHUNKS_A_TASK
) -> None:
    """Delete the annotations of a group that was deleted; the group itself goes when they are purged."""

    def empty(session: Session, now: datetime) -> bool:
        is_deleted = exists().where(Group.id == event.group_id, Group.deleted)
        return _delete_annotations(session, Annotation.group_id == event.group_id, is_deleted, now=now, chunk=chunk)

    _in_pieces(context, event, empty, chunks=chunks)


def empty_deleted_user(
    context: Context, *, event: UserDeleted, chunk: int = CHUNK, chunks: int = CHUNKS_A_TASK
) -> None:
    """Delete what belongs to a deleted account: memberships, annotations, flags, and groups that only it used.

    Groups that it alone owned are another member's from the first piece on. The account itself goes when the
    annotations are purged.
    """

    def empty(session: Session, now: datetime) -> bool:
        if not session.execute(select(exists().where(User.id == event.user_id, User.deleted))).scalar():
            return False
        _leave_groups(session, user_id=event.user_id, now=now)
        if _delete_annotations(session, Annotation.user_id == event.user_id, now=now, chunk=chunk):
            return True
        _remove_groups(session, user_id=event.user_id, now=now)
        session.execute(delete(Flag).where(Flag.user_id == event.user_id))
        return False

    _in_pieces(context, event, empty, chunks=chunks)


def _in_pieces(context: Context, event: Event, do: Callable[[Session, datetime], bool], *, chunks: int) -> None:
    """Call `do` in transactions of their own until it returns that nothing is left, or this task's share is done."""
    for number in range(chunks):
        now = context.clock.now()
        with context.database.transaction() as session:
            if not do(session, now):
                return
            if number == chunks - 1 or context.stop.is_set():
                _go_on(session, event, now=now)
                return


def _go_on(session: Session, event: Event, *, now: datetime, **values: Any) -> None:
    outbox.record(session, event.model_copy(update={"id": uuid4(), "occurred_at": now, **values}))


def _delete_annotations(session: Session, *conditions: ColumnElement[bool], now: datetime, chunk: int) -> bool:
    """Delete a piece of what is left; tell whether there may be more."""
    values = {"deleted": True, "updated": now}
    deleted = _change(session, *conditions, Annotation.deleted.is_(False), values=values, chunk=chunk)
    for annotation_id, revision in deleted:
        outbox.record(session, AnnotationDeleted(occurred_at=now, annotation_id=annotation_id, revision=revision))
    return len(deleted) == chunk


def _change(
    session: Session, *conditions: ColumnElement[bool], values: dict[str, Any], chunk: int
) -> list[tuple[UUID, int]]:
    """Change the next annotations in the order of their ids, and return their ids and new revisions."""
    some = select(Annotation.id).where(*conditions).order_by(Annotation.id).limit(chunk).with_for_update(key_share=True)
    changed = session.execute(
        update(_annotations)
        .where(in_chunk(_annotations.c.id, some))
        .values(revision=_annotations.c.revision + 1, **values)
        .returning(_annotations.c.id, _annotations.c.revision)
    )
    return [(row.id, row.revision) for row in changed]


def _leave_groups(session: Session, *, user_id: int, now: datetime) -> None:
    """End the user's memberships, and have somebody else own what the user owned."""
    mine = GroupMembership.user_id == user_id
    owned = session.scalars(
        select(GroupMembership.group_id)
        .where(mine, GroupMembership.role == Role.OWNER)
        .order_by(GroupMembership.group_id)
    ).all()
    for group_id in owned:
        ownership.lock(session, group_id=group_id)
        ownership.pass_on(session, group_id=group_id, user_id=user_id, now=now)
    session.execute(delete(GroupMembership).where(mine))


def _remove_groups(session: Session, *, user_id: int, now: datetime) -> None:
    """Delete the groups that the user made and in which nobody else is or wrote."""
    others = exists().where(GroupMembership.group_id == Group.id, GroupMembership.user_id != user_id)
    written = exists().where(
        Annotation.group_id == Group.id, Annotation.user_id != user_id, Annotation.deleted.is_(False)
    )
    unused = session.scalars(
        select(Group.id).where(Group.creator_id == user_id, Group.deleted.is_(False), ~others, ~written)
    ).all()
    for group_id in unused:
        session.execute(update(Group).where(Group.id == group_id).values(**CLOSED, updated=now))
        outbox.record(session, GroupDeleted(occurred_at=now, group_id=group_id))
