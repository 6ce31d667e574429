"""Annotations are indexed anew when others than before may read them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hcommon.events.annotations import AnnotationsRevised
from hcommon.events.base import Event
from hcommon.events.groups import GroupReadersChanged
from hcommon.events.moderation import ShadowBanChanged
from hcommon.models import Annotation
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_group, make_user, recorded_events
from hworker.context import Context
from hworker.tasks import revisions
from sqlalchemy import select
from sqlalchemy.orm import Session

Revise = Callable[..., None]


class World:
    """Four annotations that are to be revised, of one moment so that the id decides, and two that are not."""

    def __init__(self, session: Session) -> None:
        self.user, self.group = make_user(session), make_group(session)
        made: dict[str, Any] = {"user": self.user, "group": self.group}
        self.ids = {make_annotation(session, **made, created=START).id for _ in range(4)}
        self.gone = make_annotation(session, **made, deleted=True).id
        self.other = make_annotation(session, user=make_user(session)).id


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def walk(session: Session, context: Context, revise: Revise, event: Event) -> list[AnnotationsRevised]:
    """Do the event's work and that of those that it leads to; return what the indexer is told."""
    todo: list[Event] = [event]
    done: list[AnnotationsRevised] = []
    while todo:
        before = len(recorded_events(session))
        revise(context, event=todo.pop(), piece=2)
        for told in recorded_events(session)[before:]:
            if isinstance(told, AnnotationsRevised):
                done.append(told)
            else:
                todo.append(told)
    return done


def revisions_of(session: Session) -> dict[UUID, int]:
    return {row.id: row.revision for row in session.execute(select(Annotation.id, Annotation.revision))}


class TestRevising:
    def test_raises_every_revision_of_a_group_once_in_pieces(
        self, context: Context, session: Session, world: World
    ) -> None:
        event = GroupReadersChanged(occurred_at=START, group_id=world.group.id)
        self._check(session, world, walk(session, context, revisions.revise_group, event))

    def test_raises_every_revision_of_an_author_once_in_pieces(
        self, context: Context, session: Session, world: World
    ) -> None:
        event = ShadowBanChanged(occurred_at=START, user_id=world.user.id)
        self._check(session, world, walk(session, context, revisions.revise_author, event))

    @staticmethod
    def _check(session: Session, world: World, told: list[AnnotationsRevised]) -> None:
        found = revisions_of(session)
        assert {found[key] for key in world.ids} == {2}
        assert (found[world.gone], found[world.other]) == (1, 1)
        assert [len(each.annotation_ids) for each in told] == [2, 2]
        assert {key for each in told for key in each.annotation_ids} == world.ids

    def test_nothing_written_leads_to_nothing(self, context: Context, session: Session) -> None:
        group, user = make_group(session), make_user(session)
        revisions.revise_group(context, event=GroupReadersChanged(occurred_at=START, group_id=group.id))
        revisions.revise_author(context, event=ShadowBanChanged(occurred_at=START, user_id=user.id))
        assert recorded_events(session) == []
