"""What surrounds every task."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import Reject
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationCreated
from hcommon.models import DeadLetter, OutboxEvent
from hcommon.testing.clock import START, FrozenClock
from hworker.context import Context, create_context
from hworker.mailer import MailServerUnavailableError
from hworker.settings import Settings
from hworker.tasks.registry import run_event_task, run_periodic_task
from sqlalchemy import select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs


def run(context: Context, annotation_id: Any, **changes: Any) -> AnnotationCreated:
    event = AnnotationCreated(occurred_at=START, annotation_id=annotation_id, revision=1, request_id="r1")
    values: dict[str, Any] = {
        "name": "send_reply_notice",
        "task_id": "t1",
        "event_type": event.TYPE,
        "payload": event.model_dump_json(),
        "attempts": 4,
    }
    run_event_task(context, **(values | changes))
    return event


class TestRunEventTask:
    def test_runs_the_task(self, context: Context, mailer: Any, thread: Any) -> None:
        run(context, thread[1].id)
        assert len(mailer.sent) == 1

    def test_parameters_of_a_newer_release_are_ignored(self, context: Context, mailer: Any, thread: Any) -> None:
        run(context, thread[1].id, colour="red")
        assert len(mailer.sent) == 1

    def test_a_passing_fault_puts_the_event_back_to_be_decided_anew(
        self, context: Context, mailer: Any, session: Session, thread: Any
    ) -> None:
        mailer.error = MailServerUnavailableError("away")
        event = run(context, thread[1].id)
        row = session.scalars(select(OutboxEvent)).one()
        assert (row.event_id, row.consumer, row.attempts) == (event.id, "worker", 5)
        assert row.due_at > context.clock.now()

    def test_an_outage_of_a_whole_day_loses_no_mail(
        self, context: Context, mailer: Any, session: Session, clock: FrozenClock, thread: Any
    ) -> None:
        mailer.error = MailServerUnavailableError("away")
        attempts = tries = 0
        while clock.now() < START + timedelta(hours=24):
            run(context, thread[1].id, attempts=attempts)
            row = session.scalars(select(OutboxEvent)).one()
            attempts, tries = row.attempts, tries + 1
            clock.advance(seconds=(row.due_at - clock.now()).total_seconds())
            session.delete(row)
            session.flush()
        mailer.error = None
        run(context, thread[1].id, attempts=attempts)
        assert len(mailer.sent) == 1
        assert tries < 40
        assert session.scalars(select(DeadLetter)).all() == []

    def test_a_bug_is_a_dead_letter(self, context: Context, mailer: Any, session: Session, thread: Any) -> None:
        mailer.error = KeyError("bug")
        event = run(context, thread[1].id)
        assert session.scalars(select(DeadLetter.event_id)).one() == event.id

    @pytest.mark.parametrize(
        "message",
        [
            {"event_type": "group.painted"},
            {"payload": "{"},
            {"payload": "{}"},
        ],
    )
    def test_what_it_cannot_understand_is_no_error(
        self, context: Context, mailer: Any, session: Session, message: dict[str, Any]
    ) -> None:
        run(context, uuid4(), **message)
        assert mailer.sent == []
        assert session.scalars(select(DeadLetter)).all() == []

    def test_the_log_follows_the_request(self, context: Context, mailer: Any, thread: Any) -> None:
        seen: list[dict[str, Any]] = []
        send = mailer.send

        def spy(message: Any) -> None:
            from structlog.contextvars import get_contextvars  # noqa: PLC0415 - here alone

            seen.append(dict(get_contextvars()))
            send(message)

        mailer.send = spy
        event = run(context, thread[1].id)
        assert seen == [{"task": "send_reply_notice", "task_id": "t1", "event_id": str(event.id), "request_id": "r1"}]

    def test_a_mail_names_the_request_that_led_to_it(self, context: Context, mailer: Any, thread: Any) -> None:
        run(context, thread[1].id)
        assert [message["X-Request-ID"] for message in mailer.sent] == ["r1"]

    def test_told_to_end_while_postgresql_is_away_it_goes_back_to_its_queue(
        self, make_settings: Callable[..., Settings], mailer: Any, tmp_path: Path
    ) -> None:
        nowhere = Database(f"postgresql://nobody@/h?host={tmp_path}", pool_size=1)
        context = create_context(make_settings(), database=nowhere, mailer=mailer)
        context.stop.set()
        with pytest.raises(Reject) as rejected:
            run(context, uuid4())
        assert rejected.value.requeue


class TestRunPeriodicTask:
    def test_runs_the_task(self, context: Context) -> None:
        run_periodic_task(context, name="purge_outbox", task_id="t1", colour="red")

    def test_a_database_that_is_away_is_no_error(
        self, make_settings: Callable[..., Settings], mailer: Any, tmp_path: Path
    ) -> None:
        nowhere = Database(f"postgresql://nobody@/h?host={tmp_path}", pool_size=1)
        with capture_logs() as logs:
            run_periodic_task(
                create_context(make_settings(), database=nowhere, mailer=mailer), name="purge_outbox", task_id="t1"
            )
        assert [line["event"] for line in logs] == ["task_postponed", "run_not_recorded"]

    def test_a_bug_is_logged(self, context: Context) -> None:
        with capture_logs() as logs:
            run_periodic_task(context, name="no_such_task", task_id="t1")
        assert [line["event"] for line in logs] == ["task_failed"]
