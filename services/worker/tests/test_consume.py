"""Events of the worker's queue to their handlers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hcommon.bus.publisher import BrokerUnavailableError, OutgoingEvent, Publisher
from hcommon.clock import SystemClock
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted
from hcommon.events.base import Event
from hcommon.models import DeadLetter, OutboxEvent
from hcommon.testing import database as databases
from hstandalone.postgres import EmbeddedPostgres
from hworker.consume import create_consumer
from hworker.context import Context, create_context
from hworker.settings import Settings
from sqlalchemy import select


@contextmanager
def consuming(context: Context, queue: Any) -> Iterator[None]:
    consumer = create_consumer(context, tasks=queue)
    thread = threading.Thread(target=consumer.run, args=(context.stop,))
    thread.start()
    try:
        assert consumer.connected.wait(20)
        yield
    finally:
        context.stop.set()
        thread.join(20)
        assert not thread.is_alive()


def publish(context: Context, event: Event, *, attempts: int = 0) -> None:
    with Publisher(context.settings.broker_url.get_secret_value()) as publisher:
        publisher.publish_all([OutgoingEvent(1, event.TYPE, event.model_dump_json(), "worker", attempts)])


def reply_event(context: Context, make_thread: Callable[..., Any]) -> AnnotationCreated:
    with context.database.transaction() as session:
        reply = make_thread(session)[1]
        return AnnotationCreated(occurred_at=context.clock.now(), annotation_id=reply.id, revision=1)


def rows(context: Context, model: Any) -> list[Any]:
    with context.database.transaction() as session:
        return list(session.scalars(select(model)))


class TestConsumer:
    def test_an_event_becomes_a_task(
        self, committing_context: Context, queue: Any, make_thread: Callable[..., Any], poll: Callable[..., Any]
    ) -> None:
        event = reply_event(committing_context, make_thread)
        with consuming(committing_context, queue):
            publish(committing_context, event, attempts=2)
            poll(lambda: queue.queued, "queued")
        assert queue.queued == [("send_reply_notice", event, 2)]

    def test_a_passing_fault_comes_back_through_the_outbox(
        self, committing_context: Context, queue: Any, make_thread: Callable[..., Any], poll: Callable[..., Any]
    ) -> None:
        queue.error = BrokerUnavailableError("away")
        event = reply_event(committing_context, make_thread)
        with consuming(committing_context, queue):
            publish(committing_context, event)
            row = poll(lambda: rows(committing_context, OutboxEvent), "put back")[0]
        assert (row.event_id, row.consumer, row.attempts) == (event.id, "worker", 1)
        assert row.due_at == committing_context.clock.now() + timedelta(seconds=1)

    def test_a_bug_is_a_dead_letter(
        self, committing_context: Context, queue: Any, make_thread: Callable[..., Any], poll: Callable[..., Any]
    ) -> None:
        queue.error = KeyError("bug")
        event = reply_event(committing_context, make_thread)
        with consuming(committing_context, queue):
            publish(committing_context, event)
            row = poll(lambda: rows(committing_context, DeadLetter), "buried")[0]
        assert (row.event_id, row.consumer, row.error) == (event.id, "worker", "KeyError: 'bug'")

    def test_an_event_that_is_not_ours_is_acknowledged(
        self, committing_context: Context, queue: Any, make_thread: Callable[..., Any], poll: Callable[..., Any]
    ) -> None:
        stray = AnnotationDeleted(occurred_at=committing_context.clock.now(), annotation_id=uuid4(), revision=2)
        event = reply_event(committing_context, make_thread)
        with consuming(committing_context, queue):
            publish(committing_context, stray)
            publish(committing_context, event)
            poll(lambda: queue.queued, "queued")
        assert rows(committing_context, DeadLetter) == []

    def test_waits_for_postgresql_and_goes_on(
        self,
        make_settings: Callable[..., Settings],
        queue: Any,
        make_thread: Callable[..., Any],
        server_directory: Path,
        poll: Callable[..., Any],
    ) -> None:
        with EmbeddedPostgres(server_directory / "own-postgres-consume") as server:
            database = Database(databases.create_template(server.url), pool_size=4)
            context = create_context(make_settings(), clock=SystemClock(), database=database)
            event = reply_event(context, make_thread)
            with consuming(context, queue):
                assert server.process is not None
                server.process.kill()
                publish(context, event)
                publish(context, event)
                assert queue.queued == []
                server.start()
                poll(lambda: len(queue.queued) == 2, "both queued after the outage")
            database.close()

    @pytest.mark.parametrize("error", [BrokerUnavailableError("away"), ValueError("bug")])
    def test_the_next_event_is_not_held_up(
        self,
        committing_context: Context,
        queue: Any,
        make_thread: Callable[..., Any],
        poll: Callable[..., Any],
        error: Exception,
    ) -> None:
        event = reply_event(committing_context, make_thread)
        queue.error = error
        with consuming(committing_context, queue):
            publish(committing_context, event)
            poll(lambda: rows(committing_context, OutboxEvent) or rows(committing_context, DeadLetter), "kept")
            queue.error = None
            publish(committing_context, event)
            poll(lambda: queue.queued, "queued")
