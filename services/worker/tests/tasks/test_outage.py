"""A mail server that is away for more than a day: waited for, then a dead letter, and sent after all when replayed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from hcommon import outbox
from hcommon.bus import deadletters
from hcommon.bus.failures import MAX_ATTEMPTS
from hcommon.events import catalog
from hcommon.events.annotations import AnnotationCreated
from hcommon.models import OutboxEvent
from hcommon.testing.clock import FrozenClock
from hworker.context import Context
from hworker.mailer import MailServerUnavailableError
from hworker.subscriptions import SUBSCRIPTIONS
from hworker.tasks.registry import run_event_task
from sqlalchemy import delete, select
from sqlalchemy.orm import Session


@pytest.fixture
def carry_out(context: Context, session: Session, queue: Any) -> Callable[[], datetime | None]:
    """Does with the one event in the outbox what relay, consumer and worker do; returns when it is due again."""

    def run() -> datetime | None:
        row = session.scalars(select(OutboxEvent)).one()
        event = catalog.decode(row.type, orjson.loads(row.payload))
        assert event is not None
        attempts = row.attempts
        session.execute(delete(OutboxEvent))
        queue.queued.clear()
        SUBSCRIPTIONS[type(event)](event, attempts=attempts, context=context, tasks=queue)
        for name, told, tries in queue.queued:
            values = {"event_type": told.TYPE, "payload": told.model_dump_json(), "attempts": tries}
            run_event_task(context, name=name, task_id="t", **values)
        session.expire_all()
        return session.scalar(select(OutboxEvent.due_at))

    return run


class TestAMailServerThatIsAway:
    def test_is_waited_for_a_day_and_then_the_mail_is_a_dead_letter_that_can_be_replayed(
        self,
        session: Session,
        clock: FrozenClock,
        mailer: Any,
        thread: Any,
        carry_out: Callable[[], datetime | None],
    ) -> None:
        _, reply, _, _ = thread
        began = clock.now()
        outbox.record(session, AnnotationCreated(occurred_at=began, annotation_id=reply.id, revision=1))
        mailer.error = MailServerUnavailableError("The mail server is not available.")
        tries = 1
        while due_at := carry_out():
            assert clock.now() < due_at <= clock.now() + timedelta(hours=1)
            clock.advance(seconds=(due_at - clock.now()).total_seconds())
            tries += 1
        assert tries == MAX_ATTEMPTS
        assert timedelta(days=1) < clock.now() - began < timedelta(days=2)

        (letter,) = deadletters.list_dead_letters(session)
        assert (letter.consumer, letter.type, letter.attempts) == ("worker", "annotation.created", MAX_ATTEMPTS)
        assert "The mail server is not available." in letter.error

        mailer.error = None
        assert deadletters.replay(session, ids=[letter.id], now=clock.now()) == 1
        assert carry_out() is None
        assert len(mailer.sent) == 1
        assert deadletters.list_dead_letters(session) == []
