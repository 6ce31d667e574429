"""What a batch of events does to the index."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hcommon.events.accounts import UserRegistered
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted, AnnotationsRevised, AnnotationUpdated
from hcommon.metrics import Metrics
from hcommon.models import SearchDocument
from hcommon.models.annotation import ModerationStatus
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.testing.clock import FrozenClock
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import make_annotation, make_user
from hindexer.handlers import BatchHandler
from sqlalchemy import event, select
from sqlalchemy.orm import Session


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    """A statsd server of the test's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        yield server


@pytest.fixture
def handle(rolled_back: RolledBackDatabase, clock: FrozenClock, statsd: socket.socket) -> Iterator[BatchHandler]:
    metrics = Metrics(host="127.0.0.1", port=statsd.getsockname()[1], prefix="h")
    writer = PostgreSQLWriter(rolled_back)
    yield BatchHandler(database=rolled_back, writer=writer, clock=clock, metrics=metrics, max_batch=4)
    metrics.close()


def indexed(session: Session) -> dict[UUID, int]:
    rows = session.execute(select(SearchDocument.annotation_id, SearchDocument.revision))
    return {row.annotation_id: row.revision for row in rows}


class TestBatches:
    def test_the_current_state_is_indexed_whatever_the_events_say(
        self, session: Session, handle: BatchHandler, clock: FrozenClock
    ) -> None:
        user = make_user(session)
        one, two = make_annotation(session, user=user, revision=3), make_annotation(session, user=user)
        now = clock.now()
        handle(
            [
                AnnotationUpdated(occurred_at=now, annotation_id=one.id, revision=2),
                AnnotationCreated(occurred_at=now, annotation_id=two.id, revision=1),
                AnnotationCreated(occurred_at=now, annotation_id=one.id, revision=1),
            ]
        )
        assert indexed(session) == {one.id: 3, two.id: 1}

    def test_deleted_annotations_leave_the_index(
        self, session: Session, handle: BatchHandler, clock: FrozenClock
    ) -> None:
        user = make_user(session)
        one, two = make_annotation(session, user=user), make_annotation(session, user=user)
        created = [AnnotationCreated(occurred_at=clock.now(), annotation_id=made.id, revision=1) for made in (one, two)]
        handle(created)
        one.deleted, one.revision = True, 2
        session.flush()
        handle([AnnotationDeleted(occurred_at=clock.now(), annotation_id=one.id, revision=2)])
        assert indexed(session) == {two.id: 1}
        handle(created[:1])
        assert indexed(session) == {two.id: 1}

    def test_a_verdict_of_a_moderator_reaches_the_index(
        self, session: Session, handle: BatchHandler, clock: FrozenClock
    ) -> None:
        annotation = make_annotation(session, user=make_user(session))
        handle([AnnotationCreated(occurred_at=clock.now(), annotation_id=annotation.id, revision=1)])
        annotation.moderation_status, annotation.revision = ModerationStatus.DENIED, 2
        session.flush()
        handle([AnnotationUpdated(occurred_at=clock.now(), annotation_id=annotation.id, revision=2)])
        assert indexed(session) == {annotation.id: 2}

    def test_all_annotations_of_one_event_are_indexed(
        self, session: Session, handle: BatchHandler, clock: FrozenClock
    ) -> None:
        user = make_user(session)
        ids = tuple([make_annotation(session, user=user, revision=2).id for _ in range(3)])
        handle([AnnotationsRevised(occurred_at=clock.now(), annotation_ids=ids)])
        assert indexed(session) == dict.fromkeys(ids, 2)

    def test_an_annotation_that_is_gone_is_no_error(
        self, session: Session, handle: BatchHandler, clock: FrozenClock
    ) -> None:
        handle([AnnotationCreated(occurred_at=clock.now(), annotation_id=uuid4(), revision=1)])
        assert indexed(session) == {}

    def test_a_batch_takes_one_statement_to_read_and_one_to_write(
        self, session: Session, handle: BatchHandler, clock: FrozenClock
    ) -> None:
        user = make_user(session)
        made = [make_annotation(session, user=user) for _ in range(50)]
        statements: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        handle([AnnotationCreated(occurred_at=clock.now(), annotation_id=one.id, revision=1) for one in made])
        assert [statement.split()[0] for statement in statements if "SAVEPOINT" not in statement] == [
            "SELECT",
            "INSERT",
        ]

    def test_events_of_an_older_binding_are_passed_over(
        self, session: Session, handle: BatchHandler, clock: FrozenClock, statsd: socket.socket
    ) -> None:
        handle([UserRegistered(occurred_at=clock.now(), user_id=1)])
        assert statsd.recv(1000) == b"h.indexer.event.unknown:1|c"


class TestMetrics:
    def test_the_oldest_changes_lag_is_sent(
        self, session: Session, handle: BatchHandler, clock: FrozenClock, statsd: socket.socket
    ) -> None:
        user = make_user(session)
        events = [
            AnnotationCreated(
                occurred_at=clock.now() - timedelta(milliseconds=milliseconds),
                annotation_id=make_annotation(session, user=user).id,
                revision=1,
            )
            for milliseconds in (10, 120, 30)
        ]
        handle(events)
        sent = [statsd.recv(1000).decode() for _ in range(4)]
        assert sent[0].startswith("h.indexer.batch:")
        assert sent[1] == "h.indexer.lag:120.000000|ms"
        assert sent[2:] == ["h.indexer.documents.written:3|c", "h.indexer.documents.removed:0|c"]

    def test_a_batch_that_could_not_hold_more_is_counted(
        self, session: Session, handle: BatchHandler, clock: FrozenClock, statsd: socket.socket
    ) -> None:
        annotation = make_annotation(session, user=make_user(session))
        event = AnnotationCreated(occurred_at=clock.now(), annotation_id=annotation.id, revision=1)
        handle([event] * 4)
        assert "h.indexer.batches.full:1|c" in {statsd.recv(1000).decode() for _ in range(5)}
