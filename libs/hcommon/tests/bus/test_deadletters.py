"""Looking at dead letters, replaying and dropping them, and publishing again."""

from datetime import datetime, timedelta
from uuid import uuid4

from hcommon import outbox
from hcommon.bus import deadletters
from hcommon.bus.consumer import Delivery
from hcommon.bus.failures import OutboxFailures
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Consumer
from hcommon.models import OutboxEvent
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.database import RolledBackDatabase
from sqlalchemy import select, update
from sqlalchemy.orm import Session


def event() -> AnnotationCreated:
    return AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1)


def bury(database: RolledBackDatabase, *consumers: Consumer) -> list[AnnotationCreated]:
    buried = []
    for consumer in consumers:
        failures = OutboxFailures(database=database, consumer=consumer, clock=FrozenClock(), on_unknown=lambda _: None)
        buried.append(event())
        failures.bury(Delivery(buried[-1], 3), ValueError("bug"))
    return buried


class TestList:
    def test_oldest_first_in_pages(self, rolled_back: RolledBackDatabase, session: Session) -> None:
        buried = bury(rolled_back, Consumer.WORKER, Consumer.INDEXER, Consumer.WORKER)
        first = deadletters.list_dead_letters(session, limit=2)
        rest = deadletters.list_dead_letters(session, after_id=first[-1].id)
        assert [entry.event_id for entry in first + rest] == [one.id for one in buried]
        assert (first[0].consumer, first[0].attempts, first[0].error) == ("worker", 4, "ValueError: bug")

    def test_of_one_consumer(self, rolled_back: RolledBackDatabase, session: Session) -> None:
        bury(rolled_back, Consumer.WORKER, Consumer.INDEXER)
        entries = deadletters.list_dead_letters(session, consumer="indexer")
        assert [entry.consumer for entry in entries] == ["indexer"]

    def test_counts_by_consumer(self, rolled_back: RolledBackDatabase, session: Session) -> None:
        bury(rolled_back, Consumer.WORKER, Consumer.INDEXER, Consumer.WORKER)
        assert deadletters.count_dead_letters(session) == {"worker": 2, "indexer": 1}


class TestReplay:
    def test_goes_back_to_its_consumer_alone_as_if_new(
        self, rolled_back: RolledBackDatabase, session: Session, clock: FrozenClock
    ) -> None:
        kept, replayed = bury(rolled_back, Consumer.WORKER, Consumer.INDEXER)
        entry = deadletters.list_dead_letters(session, consumer="indexer")[0]
        assert deadletters.replay(session, ids=[entry.id, 10**9], now=clock.now()) == 1
        row = session.scalars(select(OutboxEvent)).one()
        assert (row.event_id, row.consumer, row.attempts, row.due_at) == (replayed.id, "indexer", 0, clock.now())
        assert AnnotationCreated.model_validate_json(row.payload) == replayed
        assert [left.event_id for left in deadletters.list_dead_letters(session)] == [kept.id]

    def test_nothing_is_no_error(self, session: Session, clock: FrozenClock) -> None:
        assert deadletters.replay(session, ids=[], now=clock.now()) == 0


class TestDrop:
    def test_forgets(self, rolled_back: RolledBackDatabase, session: Session) -> None:
        bury(rolled_back, Consumer.WORKER)
        entry = deadletters.list_dead_letters(session)[0]
        assert deadletters.drop(session, ids=[entry.id, 10**9]) == 1
        assert deadletters.list_dead_letters(session) == []


class TestReplaySince:
    def test_publishes_again_what_was_published_since(self, session: Session, clock: FrozenClock) -> None:
        def published(at: datetime | None) -> int:
            outbox.record(session, event())
            newest = session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id.desc()).limit(1)).one()
            session.execute(update(OutboxEvent).where(OutboxEvent.id == newest).values(published_at=at))
            return newest

        old, lost, waiting = published(START), published(START + timedelta(hours=2)), published(None)
        since = START + timedelta(hours=1)
        assert deadletters.replay_since(session, since=since, now=clock.now()) == 1
        unpublished = select(OutboxEvent.id).where(OutboxEvent.published_at.is_(None))
        assert set(session.scalars(unpublished)) == {lost, waiting}
        assert old not in set(session.scalars(unpublished))
