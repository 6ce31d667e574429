"""How periodic tasks fare, for people to see."""

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import redis
from hcommon.errors import UnavailableError
from hcommon.metrics import Metrics
from hcommon.models import DeadLetter, OutboxEvent, PeriodicRun
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.rabbitmq import ScriptedBroker
from hworker.context import Context
from hworker.intervals import LOOK_AGAIN, SCHEDULE
from hworker.settings import TASK_QUEUE, Settings
from hworker.tasks import runs
from hworker.tasks.registry import run_periodic_task
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs


def only(session: Session) -> PeriodicRun:
    session.expire_all()
    return session.scalars(select(PeriodicRun)).one()


def set_back(session: Session, time: timedelta) -> None:
    session.execute(update(PeriodicRun).values(started_at=PeriodicRun.started_at - time))


class TestBegin:
    def test_of_a_backlog_one_is_run_whatever_the_clock_of_the_worker_says(
        self, context: Context, session: Session, clock: FrozenClock
    ) -> None:
        def purges() -> bool:
            event = {"event_id": uuid4(), "type": "x", "payload": "{}", "occurred_at": START, "due_at": START}
            session.add(row := OutboxEvent(published_at=START - timedelta(days=400), **event))
            session.flush()
            run_periodic_task(context, name="purge_outbox", task_id="t1")
            left = session.scalars(select(OutboxEvent.id)).all()
            session.execute(delete(OutboxEvent))
            session.expunge(row)
            return not left

        assert purges()
        for hours in (0, 5, -10):
            clock.advance(hours=hours)
            assert not purges()
        assert only(session).succeeded_at == START
        set_back(session, SCHEDULE["purge_outbox"] - LOOK_AGAIN)
        assert not purges()
        set_back(session, LOOK_AGAIN / 2)
        assert purges()

    @pytest.mark.parametrize("name", ["purge_outbox", "report_queues"])
    def test_one_that_was_killed_is_made_up_for_when_it_cannot_be_running_any_more(
        self, context: Context, session: Session, name: str
    ) -> None:
        assert runs.begin(context, name)  # and no word of its end, as after SIGKILL
        assert not runs.begin(context, name)
        limit = timedelta(seconds=context.settings.worker_task_hard_limit_seconds)
        set_back(session, min(limit, SCHEDULE[name] / 2) - timedelta(seconds=5))
        assert not runs.begin(context, name)
        set_back(session, timedelta(seconds=5))
        assert runs.begin(context, name)
        assert not runs.begin(context, name)

    def test_one_that_has_ended_is_not(self, context: Context, session: Session) -> None:
        run_periodic_task(context, name="purge_outbox", task_id="t1")
        assert only(session).milliseconds is not None
        set_back(session, timedelta(seconds=context.settings.worker_task_hard_limit_seconds))
        assert not runs.begin(context, "purge_outbox")

    def test_a_clock_of_postgresql_that_is_put_back_stops_none(self, context: Context, session: Session) -> None:
        run_periodic_task(context, name="purge_outbox", task_id="t1")
        session.execute(update(PeriodicRun).values(started_at=PeriodicRun.started_at + timedelta(days=1)))
        ahead = only(session).started_at
        run_periodic_task(context, name="purge_outbox", task_id="t2")
        assert only(session).started_at < ahead


class TestRecorded:
    def test_a_good_run_is_kept(self, context: Context, session: Session, clock: FrozenClock) -> None:
        run_periodic_task(context, name="purge_outbox", task_id="t1")
        row = only(session)
        assert (row.name, row.succeeded_at, row.failed_at) == ("purge_outbox", clock.now(), None)
        assert row.interval_seconds == SCHEDULE["purge_outbox"].total_seconds()

    def test_a_failure_is_kept_beside_the_last_good_run(
        self, context: Context, session: Session, clock: FrozenClock
    ) -> None:
        run_periodic_task(context, name="purge_outbox", task_id="t1")
        good = clock.now()
        clock.advance(hours=1)
        with runs.recorded(context, "purge_outbox") as run:
            run.error = UnavailableError("The index is away.")
        row = only(session)
        assert (row.succeeded_at, row.failed_at, row.error) == (good, clock.now(), "The index is away.")

    def test_of_a_bug_its_kind_is_kept(self, context: Context, session: Session) -> None:
        with capture_logs():
            run_periodic_task(context, name="no_such_task", task_id="t1")
        assert only(session).error == "KeyError"


class TestReportQueues:
    def reported(self, context: Context, *, lines: int) -> list[bytes]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
            statsd.bind(("127.0.0.1", 0))
            statsd.settimeout(10)
            metrics = Metrics(host="127.0.0.1", port=statsd.getsockname()[1], prefix="h")
            run_periodic_task(replace(context, metrics=metrics), name="report_queues", task_id="t2")
            metrics.close()
            return [statsd.recv(1000) for _ in range(lines)]

    def test_asks_rabbitmq_and_counts_nothing_in_a_queue_that_nobody_has_declared(
        self, context: Context, make_settings: Callable[..., Settings], rabbitmq: ScriptedBroker
    ) -> None:
        rabbitmq.waiting = {"h.indexer": 2, TASK_QUEUE: 3}
        rabbitmq.missing = {"h.worker"}
        settings = make_settings(broker_url=rabbitmq.url, celery_broker_url=rabbitmq.url)
        received = self.reported(replace(context, settings=settings), lines=8)
        lengths = {(b"worker", 0), (b"indexer", 2), (b"celery", 3)}
        assert {b"h.worker.queue.%s.waiting:%d|g" % length for length in lengths} <= {*received}

    def test_measures_what_waits(
        self, context: Context, session: Session, clock: FrozenClock, bus_client: redis.Redis
    ) -> None:
        now = clock.now()
        bus_client.lpush("h.indexer", "one", "two")
        letter = {"event_id": uuid4(), "type": "x", "payload": "{}", "consumer": "worker", "attempts": 1, "error": ""}
        session.add(DeadLetter(occurred_at=now, buried_at=now, **letter))
        session.flush()
        run_periodic_task(context, name="purge_outbox", task_id="t1")
        clock.advance(seconds=90)
        received = self.reported(context, lines=9)
        assert b"h.worker.dead_letters:1|g" in received
        assert b"h.worker.periodic.purge_outbox.failing:0|g" in received
        lengths = {(b"worker", 0), (b"indexer", 2), (b"celery", 0)}
        assert {b"h.worker.queue.%s.waiting:%d|g" % length for length in lengths} <= {*received}
        assert any(line.startswith(b"h.worker.periodic.purge_outbox.age_seconds:90") for line in received)
