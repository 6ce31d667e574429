"""Annotations are indexed anew when their group is read by others than before."""

from typing import Any

from hcommon.events.annotations import AnnotationsRevised
from hcommon.events.groups import GroupReadersChanged
from hcommon.models import Annotation
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_group, make_user, recorded_events
from hworker.context import Context
from hworker.handlers.groups import on_group_readers_changed
from hworker.tasks import revisions
from sqlalchemy import select
from sqlalchemy.orm import Session


class TestOnGroupReadersChanged:
    def test_a_task_does_the_work(self, context: Context, queue: Any) -> None:
        event = GroupReadersChanged(occurred_at=START, group_id=1)
        on_group_readers_changed(event, attempts=2, context=context, tasks=queue)
        assert queue.queued == [("revise_group", event, 2)]


class TestReviseGroup:
    def test_raises_every_revision_of_the_group_once_in_pieces(self, context: Context, session: Session) -> None:
        user, group = make_user(session), make_group(session)
        mine = [make_annotation(session, user=user, group=group, created=START).id for _ in range(4)]
        gone = make_annotation(session, user=user, group=group, deleted=True)
        other = make_annotation(session, user=user)
        todo = [GroupReadersChanged(occurred_at=START, group_id=group.id)]
        done: list[AnnotationsRevised] = []
        while todo:
            before = len(recorded_events(session))
            revisions.revise_group(context, event=todo.pop(), piece=2)
            for told in recorded_events(session)[before:]:
                if isinstance(told, GroupReadersChanged):
                    todo.append(told)
                elif isinstance(told, AnnotationsRevised):
                    done.append(told)
        found = {row.id: row.revision for row in session.execute(select(Annotation.id, Annotation.revision))}
        assert {found[key] for key in mine} == {2}
        assert (found[gone.id], found[other.id]) == (1, 1)
        assert [len(told.annotation_ids) for told in done] == [2, 2]
        assert {key for told in done for key in told.annotation_ids} == set(mine)

    def test_a_group_without_annotations_leads_to_nothing(self, context: Context, session: Session) -> None:
        group = make_group(session)
        revisions.revise_group(context, event=GroupReadersChanged(occurred_at=START, group_id=group.id))
        assert recorded_events(session) == []
