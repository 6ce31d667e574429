"""Recording events in the transaction of the change."""

from uuid import uuid4

import pytest
from hcommon import outbox
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationCreated
from hcommon.logging import bound
from hcommon.models import OutboxEvent
from hcommon.testing.clock import START
from hcommon.testing.factories import recorded_events
from sqlalchemy import select
from sqlalchemy.orm import Session


def event(**fields: str) -> AnnotationCreated:
    return AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1, **fields)


class TestRecord:
    def test_is_for_all_consumers_and_due_at_once(self, session: Session) -> None:
        recorded = event()
        outbox.record(session, recorded)
        row = session.scalars(select(OutboxEvent)).one()
        assert (row.event_id, row.type, row.consumer, row.attempts) == (recorded.id, "annotation.created", None, 0)
        assert (row.occurred_at, row.due_at, row.published_at) == (START, START, None)
        assert recorded_events(session) == [recorded]

    def test_keeps_the_order(self, session: Session) -> None:
        recorded = [event() for _ in range(5)]
        for one in recorded:
            outbox.record(session, one)
        assert recorded_events(session) == recorded

    def test_takes_the_request_that_is_bound(self, session: Session) -> None:
        with bound(request_id="r7"):
            outbox.record(session, event())
        assert recorded_events(session)[0].request_id == "r7"

    def test_a_request_that_the_event_names_counts_more(self, session: Session) -> None:
        with bound(request_id="r7"):
            outbox.record(session, event(request_id="r1"))
        assert recorded_events(session)[0].request_id == "r1"

    def test_a_rolled_back_transaction_has_recorded_nothing(self, fresh_database: Database) -> None:
        def fail_in_mid_transaction() -> None:
            with fresh_database.transaction() as session:
                outbox.record(session, event())
                raise RuntimeError("the request failed")

        with pytest.raises(RuntimeError):
            fail_in_mid_transaction()
        with fresh_database.transaction() as session:
            assert recorded_events(session) == []
