"""Renamed and deleted users and groups, with all that hangs on them."""

from collections.abc import Callable
from typing import Any

from hcommon.events.accounts import UserDeleted, UserRenamed
from hcommon.events.annotations import AnnotationDeleted, AnnotationRefreshed
from hcommon.events.groups import MembershipChanged
from hcommon.events.lifecycle import GroupDeleted
from hcommon.models import Annotation, Flag, Group, GroupMembership, OutboxEvent, User
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import (
    add_member,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
    recorded_events,
)
from hworker.context import Context
from hworker.tasks import cleanup, lifecycle
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session


def run_all(session: Session, task: Callable[..., None], context: Context, event: Any) -> int:
    """Run a task and what it records for itself, and return how often it ran."""
    runs = 0
    while event is not None:
        session.execute(delete(OutboxEvent).where(OutboxEvent.type == event.TYPE))
        task(context, event=event, chunk=2, chunks=2)
        runs += 1
        session.expire_all()
        event = next((later for later in recorded_events(session) if type(later) is type(event)), None)
    return runs


def living(session: Session) -> int:
    return session.scalar(select(func.count()).where(Annotation.deleted.is_(False))) or 0


class TestRefreshRenamedUser:
    def test_everything_of_the_user_is_shown_anew_in_pieces(self, context: Context, session: Session) -> None:
        ann, bob = make_user(session), make_user(session)
        mine = [make_annotation(session, user=ann).id for _ in range(7)]
        other = make_annotation(session, user=bob)
        gone = make_annotation(session, user=ann, deleted=True)
        event = UserRenamed(occurred_at=START, user_id=ann.id)
        assert run_all(session, lifecycle.refresh_renamed_user, context, event) == 2
        refreshed = [event for event in recorded_events(session) if isinstance(event, AnnotationRefreshed)]
        assert sorted(event.annotation_id for event in refreshed) == sorted(mine)
        assert {event.revision for event in refreshed} == {2}
        assert (other.revision, gone.revision) == (1, 1)

    def test_goes_on_later_when_told_to_end(self, context: Context, session: Session) -> None:
        ann = make_user(session)
        for _ in range(3):
            make_annotation(session, user=ann)
        context.stop.set()
        lifecycle.refresh_renamed_user(context, event=UserRenamed(occurred_at=START, user_id=ann.id), chunk=2)
        [later] = [event for event in recorded_events(session) if isinstance(event, UserRenamed)]
        assert later.after is not None


class TestEmptyDeletedGroup:
    def test_its_annotations_are_deleted_in_pieces_and_everybody_is_told(
        self, context: Context, session: Session
    ) -> None:
        ann = make_user(session)
        group, other = make_group(session, deleted=True), make_group(session)
        for _ in range(5):
            make_annotation(session, user=ann, group=group)
        make_annotation(session, user=ann, group=other)
        event = GroupDeleted(occurred_at=START, group_id=group.id)
        assert run_all(session, lifecycle.empty_deleted_group, context, event) == 2
        assert living(session) == 1
        assert len([event for event in recorded_events(session) if isinstance(event, AnnotationDeleted)]) == 5

    def test_a_group_that_is_not_deleted_keeps_everything(self, context: Context, session: Session) -> None:
        annotation = make_annotation(session, user=make_user(session), group=make_group(session))
        lifecycle.empty_deleted_group(context, event=GroupDeleted(occurred_at=START, group_id=annotation.group_id))
        assert living(session) == 1


class TestEmptyDeletedUser:
    def test_what_the_user_wrote_goes_and_what_others_wrote_stays(self, context: Context, session: Session) -> None:
        ann, bob = make_user(session, deleted=True), make_user(session)
        roots = [make_annotation(session, user=ann) for _ in range(5)]
        make_annotation(session, user=bob, references=[roots[0].id])
        flagged = make_annotation(session, user=bob)
        session.add(Flag(annotation_id=flagged.id, user_id=ann.id, created=START))
        session.flush()
        run_all(session, lifecycle.empty_deleted_user, context, UserDeleted(occurred_at=START, user_id=ann.id))
        assert living(session) == 2
        assert session.scalar(select(func.count()).select_from(Flag)) == 0

    def test_groups_that_only_the_user_used_go_too(self, context: Context, session: Session) -> None:
        ann, bob = make_user(session, deleted=True), make_user(session)
        alone, written, shared = (make_group(session, creator_id=ann.id) for _ in range(3))
        for group in (alone, written, shared):
            add_member(session, group=group, user=ann, role=Role.OWNER)
        add_member(session, group=shared, user=bob)
        make_annotation(session, user=bob, group=written)
        lifecycle.empty_deleted_user(context, event=UserDeleted(occurred_at=START, user_id=ann.id))
        assert set(session.scalars(select(Group.id).where(Group.deleted))) == {alone.id}
        assert [event.group_id for event in recorded_events(session) if isinstance(event, GroupDeleted)] == [alone.id]
        assert set(session.scalars(select(GroupMembership.user_id))) == {bob.id}

    def test_groups_that_it_alone_owned_are_anothers_from_the_first_piece_on(
        self, context: Context, session: Session
    ) -> None:
        make_world_group(session)
        ann, bob, eve = make_user(session, deleted=True), make_user(session), make_user(session)
        owned, shared = make_group(session, creator_id=ann.id), make_group(session)
        for group in (owned, shared):
            add_member(session, group=group, user=ann, role=Role.OWNER)
            add_member(session, group=group, user=bob)
        add_member(session, group=shared, user=eve, role=Role.OWNER)
        for _ in range(5):
            make_annotation(session, user=ann)
        event = UserDeleted(occurred_at=START, user_id=ann.id)
        lifecycle.empty_deleted_user(context, event=event, chunk=2, chunks=1)
        assert living(session) == 3
        found = session.execute(select(GroupMembership.group_id, GroupMembership.user_id, GroupMembership.role))
        assert {tuple(row) for row in found} == {
            (owned.id, bob.id, "owner"),
            (shared.id, bob.id, "member"),
            (shared.id, eve.id, "owner"),
        }
        told = [event for event in recorded_events(session) if isinstance(event, MembershipChanged)]
        assert [(event.group_id, event.user_id) for event in told] == [(owned.id, bob.id)]

    def test_an_account_that_is_not_deleted_keeps_everything(self, context: Context, session: Session) -> None:
        ann = make_user(session)
        make_annotation(session, user=ann)
        add_member(session, group=make_group(session, creator_id=ann.id), user=ann)
        lifecycle.empty_deleted_user(context, event=UserDeleted(occurred_at=START, user_id=ann.id))
        assert living(session) == 1
        assert session.scalar(select(func.count()).select_from(GroupMembership)) == 1


class TestPurge:
    def test_accounts_and_groups_go_when_their_annotations_are_purged(
        self, context: Context, session: Session, clock: Any
    ) -> None:
        ann = make_user(session, deleted=True)
        group = make_group(session, deleted=True, creator_id=ann.id)
        make_annotation(session, user=ann, group=group, deleted=True, updated=clock.now())
        for purge in (cleanup.purge_deleted_users, cleanup.purge_deleted_groups):
            purge(context)
        assert session.scalars(select(User.id)).all() == [ann.id]
        assert session.scalars(select(Group.id)).all() == [group.id]
        clock.advance(hours=2)
        for purge in (cleanup.purge_deleted_annotations, cleanup.purge_deleted_users, cleanup.purge_deleted_groups):
            purge(context)
        assert session.scalars(select(User.id)).all() == []
        assert session.scalars(select(Group.id)).all() == []

    def test_what_was_forgotten_is_emptied(self, context: Context, session: Session) -> None:
        ann = make_user(session, deleted=True)
        group = make_group(session, deleted=True)
        make_annotation(session, user=ann)
        make_annotation(session, user=make_user(session), group=group)
        cleanup.purge_deleted_users(context)
        cleanup.purge_deleted_groups(context)
        assert {type(event) for event in recorded_events(session)} == {UserDeleted, GroupDeleted}
