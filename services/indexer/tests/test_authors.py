"""The search documents of all that a user wrote, after a shadow ban."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from hcommon.events.moderation import ShadowBanChanged
from hcommon.metrics import Metrics
from hcommon.models import Annotation, OutboxEvent, SearchDocument, User
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.search.writer import SearchWriter
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import make_annotation, make_user, recorded_events
from hindexer.authors import CHUNK
from hindexer.handlers import BatchHandler
from sqlalchemy import delete, select
from sqlalchemy.orm import Session


@pytest.fixture
def handle(rolled_back: RolledBackDatabase, clock: FrozenClock) -> Iterator[BatchHandler]:
    metrics = Metrics(host=None, port=0, prefix="h")
    writer: SearchWriter = PostgreSQLWriter(rolled_back)
    yield BatchHandler(database=rolled_back, writer=writer, clock=clock, metrics=metrics)
    metrics.close()


@pytest.fixture
def banned(session: Session) -> User:
    return make_user(session, nipsa=True)


def indexed(session: Session) -> dict[UUID, int]:
    rows = session.execute(select(SearchDocument.annotation_id, SearchDocument.revision))
    return {row.annotation_id: row.revision for row in rows}


def revisions(session: Session, user: User) -> list[int]:
    statement = select(Annotation.revision).where(Annotation.user_id == user.id).order_by(Annotation.created)
    return list(session.scalars(statement))


def walk(session: Session, handle: BatchHandler, user: User) -> int:
    """Handle the event and those that it leads to; return how many there were."""
    handle([ShadowBanChanged(occurred_at=START, user_id=user.id)])
    number = 1
    while found := recorded_events(session):
        session.execute(delete(OutboxEvent))
        handle(found)
        number += len(found)
    return number


class TestChunks:
    def test_all_living_annotations_are_written_anew(
        self, session: Session, handle: BatchHandler, banned: User
    ) -> None:
        other = make_annotation(session, user=make_user(session))
        made = [make_annotation(session, user=banned, revision=3) for _ in range(2)]
        gone = make_annotation(session, user=banned, deleted=True)
        assert walk(session, handle, banned) == 1
        assert indexed(session) == {annotation.id: 4 for annotation in made}
        assert revisions(session, banned) == [4, 4, 1]
        assert {other.id, gone.id}.isdisjoint(indexed(session))

    def test_many_take_an_event_a_chunk_and_each_annotation_one_turn(
        self, session: Session, handle: BatchHandler, banned: User
    ) -> None:
        first = make_annotation(session, user=banned)
        for number in range(2 * CHUNK):  # most at one moment, so that the id decides
            created = START if number % 3 else None
            make_annotation(session, user=banned, created=created, document_id=first.document_id)
        assert walk(session, handle, banned) == 3
        assert set(revisions(session, banned)) == {2}
        assert len(indexed(session)) == 2 * CHUNK + 1

    def test_a_user_who_wrote_nothing_is_done_at_once(
        self, session: Session, handle: BatchHandler, banned: User
    ) -> None:
        assert walk(session, handle, banned) == 1

    def test_the_same_event_twice_in_a_batch_is_done_once(
        self, session: Session, handle: BatchHandler, banned: User
    ) -> None:
        annotation = make_annotation(session, user=banned)
        handle([ShadowBanChanged(occurred_at=START, user_id=banned.id) for _ in range(2)])
        assert indexed(session) == {annotation.id: 2}
