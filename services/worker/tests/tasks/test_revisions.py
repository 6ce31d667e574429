"""Annotations are indexed anew when their group is read by others than before."""

from typing import Any

import pytest
from hcommon.events.annotations import AnnotationsRevised
from hcommon.events.groups import GroupUpdated
from hcommon.models import Annotation
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_group, make_user, recorded_events
from hworker.context import Context
from hworker.handlers.groups import on_group_updated
from hworker.tasks import revisions
from sqlalchemy import select
from sqlalchemy.orm import Session


class TestOnGroupUpdated:
    @pytest.mark.parametrize(("readers_changed", "queued"), [(True, ["revise_group"]), (False, [])])
    def test_only_other_readers_make_the_index_stale(
        self, context: Context, queue: Any, *, readers_changed: bool, queued: list[str]
    ) -> None:
        event = GroupUpdated(occurred_at=START, group_id=1, readers_changed=readers_changed)
        on_group_updated(event, attempts=0, context=context, tasks=queue)
        assert [name for name, _, _ in queue.queued] == queued


class TestReviseGroup:
    def test_raises_every_revision_of_the_group_in_chunks(
        self, context: Context, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(revisions, "CHUNK", 2)
        user, group = make_user(session), make_group(session)
        mine = [make_annotation(session, user=user, group=group, created=START).id for _ in range(5)]
        gone = make_annotation(session, user=user, group=group, deleted=True)
        other = make_annotation(session, user=user)
        revisions.revise_group(context, event=GroupUpdated(occurred_at=START, group_id=group.id, readers_changed=True))
        found = dict(session.execute(select(Annotation.id, Annotation.revision)).all())
        assert {found[key] for key in mine} == {2}
        assert (found[gone.id], found[other.id]) == (1, 1)
        chunks = [event.annotation_ids for event in recorded_events(session) if isinstance(event, AnnotationsRevised)]
        assert [len(chunk) for chunk in chunks] == [2, 2, 1]
        assert {key for chunk in chunks for key in chunk} == set(mine)
