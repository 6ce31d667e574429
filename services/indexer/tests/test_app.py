"""The parts put together, in this process: from the broker to the index, and what fails on the way."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from hcommon.bus.publisher import Publisher
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationCreated
from hcommon.health import run_checks
from hcommon.models import DeadLetter, SearchDocument
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_annotation, make_user
from hindexer.app import Indexer
from hindexer.settings import Settings
from hstandalone.valkey import EmbeddedValkey
from pydantic import SecretStr
from sqlalchemy import func, select, text

BROKER_DB = 9
PATIENCE_SECONDS = 30


@pytest.fixture
def settings(fresh_database_url: str, valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[Settings]:
    yield Settings(
        database_url=fresh_database_url,
        broker_url=valkey.broker_url(BROKER_DB),
        indexer_heartbeat_file=tmp_path / "heartbeat",
        indexer_batch_milliseconds=20,
    )
    with redis.Redis.from_url(valkey.url(BROKER_DB)) as client:
        client.flushdb()


@pytest.fixture
def indexer(settings: Settings, clock: FrozenClock) -> Iterator[Indexer]:
    """An indexer that runs in a thread."""
    running, stop = Indexer(settings, clock=clock), threading.Event()
    thread = threading.Thread(target=running.run, args=(stop,))
    thread.start()
    assert running.consumer.connected.wait(PATIENCE_SECONDS)
    yield running
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def publish(settings: Settings, annotation_id: UUID, **changes: Any) -> None:
    event = AnnotationCreated(occurred_at=START, annotation_id=annotation_id, revision=1)
    values = {"event_type": event.TYPE, "payload": event.model_dump(mode="json"), "consumer": None, "attempts": 0}
    with Publisher(settings.broker_url.get_secret_value()) as publisher:
        publisher.publish(**(values | changes))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count(database: Database, model: Any) -> int:
    with database.read() as connection:
        found: int = connection.execute(select(func.count()).select_from(model)).scalar_one()
        return found


class TestEvents:
    def test_what_was_published_is_indexed(
        self, indexer: Indexer, settings: Settings, fresh_database: Database
    ) -> None:
        with fresh_database.transaction() as session:
            made = make_annotation(session, user=make_user(session)).id
        publish(settings, uuid4(), event_type="annotation.exploded", consumer="indexer")
        publish(settings, made)
        wait_for(lambda: count(fresh_database, SearchDocument) == 1)

    def test_one_that_meets_a_bug_becomes_a_dead_letter_and_the_others_are_indexed(
        self, indexer: Indexer, settings: Settings, fresh_database: Database
    ) -> None:
        with fresh_database.transaction() as session:
            user = make_user(session)
            bad, good = (make_annotation(session, user=user).id for _ in range(2))
            # Something that no release does: a row which the index refuses for ever.
            session.execute(text(f"ALTER TABLE search_document ADD CHECK (annotation_id <> '{bad}')"))
        publish(settings, bad)
        publish(settings, good)
        wait_for(lambda: count(fresh_database, DeadLetter) == 1)
        wait_for(lambda: count(fresh_database, SearchDocument) == 1)


class TestChecks:
    def test_all_are_well_while_it_runs(self, indexer: Indexer, settings: Settings, clock: FrozenClock) -> None:
        wait_for(settings.indexer_heartbeat_file.exists)
        results = run_checks(indexer.checks())
        assert results["database"].ok
        assert results["heartbeat"].ok


class TestWaiting:
    def test_one_that_waits_for_its_database_can_be_stopped(self, settings: Settings, clock: FrozenClock) -> None:
        away = settings.model_copy(update={"database_url": SecretStr("postgresql://nobody@127.0.0.1:1/none")})
        stop = threading.Event()
        thread = threading.Thread(target=Indexer(away, clock=clock).run, args=(stop,))
        thread.start()
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
