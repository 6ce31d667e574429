"""Retries and dead letters in PostgreSQL."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from hcommon.bus.consumer import Delivery
from hcommon.bus.failures import LONGEST_DELAY, MAX_ATTEMPTS, OutboxFailures, retry_delay
from hcommon.errors import UnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Consumer
from hcommon.models import DeadLetter, OutboxEvent
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.database import RolledBackDatabase
from sqlalchemy import select
from sqlalchemy.orm import Session

EVENT = AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1, request_id="r1")


@pytest.fixture
def counted() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def failures(rolled_back: RolledBackDatabase, clock: FrozenClock, counted: list[tuple[str, str]]) -> OutboxFailures:
    return OutboxFailures(
        database=rolled_back,
        consumer=Consumer.INDEXER,
        clock=clock,
        on_unknown=lambda name: counted.append(("unknown", name)),
        on_retry=lambda name: counted.append(("retry", name)),
        on_bury=lambda name: counted.append(("bury", name)),
    )


class TestRetry:
    def test_comes_back_later_to_its_consumer_alone(
        self, failures: OutboxFailures, session: Session, clock: FrozenClock, counted: list[tuple[str, str]]
    ) -> None:
        failures.retry(Delivery(EVENT, 2, '{"colour": "red"}'), UnavailableError("away"))
        row = session.scalars(select(OutboxEvent)).one()
        assert (row.event_id, row.type, row.consumer, row.attempts) == (EVENT.id, EVENT.TYPE, "indexer", 3)
        assert row.due_at == clock.now() + timedelta(seconds=4)
        assert json.loads(row.payload) == {"colour": "red"}
        assert counted == [("retry", "annotation.created")]

    def test_after_the_last_try_it_is_buried(
        self, failures: OutboxFailures, session: Session, counted: list[tuple[str, str]]
    ) -> None:
        failures.retry(Delivery(EVENT, MAX_ATTEMPTS - 1), UnavailableError("away"))
        assert session.scalars(select(OutboxEvent)).all() == []
        assert session.scalars(select(DeadLetter)).one().attempts == MAX_ATTEMPTS
        assert counted == [("bury", "annotation.created")]

    def test_tries_go_on_for_more_than_a_day(self) -> None:
        delays = [retry_delay(attempts) for attempts in range(1, MAX_ATTEMPTS)]
        assert delays[:3] == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
        assert max(delays) == LONGEST_DELAY
        assert sum(delays, timedelta()) > timedelta(days=1)


class TestBury:
    def test_keeps_the_event_and_the_last_line_of_the_traceback(
        self, failures: OutboxFailures, session: Session, clock: FrozenClock
    ) -> None:
        failures.bury(Delivery(EVENT, 0), KeyError("colour"))
        row = session.scalars(select(DeadLetter)).one()
        assert (row.event_id, row.consumer, row.attempts, row.error) == (EVENT.id, "indexer", 1, "KeyError: 'colour'")
        assert row.buried_at == clock.now()
        assert AnnotationCreated.model_validate_json(row.payload) == EVENT

    def test_keeps_errors_that_postgresql_cannot(self, failures: OutboxFailures, session: Session) -> None:
        failures.bury(Delivery(EVENT, 0), ValueError("a\x00b\ud800"))
        assert session.scalars(select(DeadLetter)).one().error == "ValueError: ab?"


class TestUnknown:
    def test_is_counted(self, failures: OutboxFailures, counted: list[tuple[str, str]]) -> None:
        failures.unknown("group.painted")
        assert counted == [("unknown", "group.painted")]
