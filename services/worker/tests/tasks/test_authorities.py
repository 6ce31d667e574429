"""Annotations of other applications' users, told to those applications."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hcommon.bus.publisher import BrokerUnavailableError
from hcommon.events.annotations import AnnotationCreated, AnnotationUpdated
from hcommon.models import Annotation, Mention
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user
from hworker.context import Context
from hworker.handlers.annotations import on_annotation_updated
from hworker.settings import Settings
from hworker.tasks.authorities import tell_authority
from kombu import Connection, Queue
from sqlalchemy.orm import Session


def told(url: str) -> list[Any]:
    """Return the messages in the application's queue."""
    with Connection(url) as connection:
        queue = Queue("lms", channel=connection.channel())
        queue.declare()
        found = []
        while message := queue.get(no_ack=True):
            found.append(message)
        return found


@pytest.fixture
def configured(context: Context, make_settings: Callable[..., Settings], broker_urls: tuple[str, str]) -> Context:
    queue = {"broker_url": broker_urls[1], "queue_name": "lms", "task_name": "lms.tasks.annotation"}
    return replace(context, settings=make_settings(authority_queue_config={"lms.example.net": queue}))


@pytest.fixture
def annotation(session: Session) -> Annotation:
    author = make_user(session, username="ann", authority="lms.example.net", email=None)
    text = '<a data-hyp-mention="" data-userid="acct:bob@lms.example.net">@bob</a>'
    made = make_annotation(
        session,
        user=author,
        text=text,
        client_metadata='{"course": 7}',
        selectors=[{"type": "TextQuoteSelector", "exact": "words"}],
    )
    bob = make_user(session, username="bob", authority="lms.example.net", email=None)
    session.add(Mention(annotation_id=made.id, user_id=bob.id, username="bob", created=START))
    session.flush()
    return made


class TestTellAuthority:
    def test_the_application_gets_the_annotation_as_a_task(
        self, configured: Context, annotation: Annotation, broker_urls: tuple[str, str]
    ) -> None:
        event = AnnotationCreated(occurred_at=START, annotation_id=annotation.id, revision=1)
        tell_authority(configured, event=event)
        [message] = told(broker_urls[1])
        assert (message.headers["task"], message.headers["id"]) == ("lms.tasks.annotation", str(event.id))
        assert message.headers["expires"] is not None
        sent = message.decode()[1]["event"]
        assert sent["action"] == "create"
        assert sent["annotation"]["text"] == annotation.text
        assert (sent["annotation"]["metadata"], sent["annotation"]["quote"]) == ({"course": 7}, "words")
        assert sent["annotation"]["text_rendered"].startswith("<p><a data-hyp-mention")
        assert [mention["username"] for mention in sent["annotation"]["mentions"]] == ["bob"]

    @pytest.mark.parametrize("change", [{"shared": False}, {"deleted": True}, {"moderation_status": "PENDING"}])
    def test_what_others_may_not_see_is_not_told(
        self,
        configured: Context,
        annotation: Annotation,
        session: Session,
        broker_urls: tuple[str, str],
        change: dict[str, Any],
    ) -> None:
        for name, value in change.items():
            setattr(annotation, name, value)
        session.flush()
        tell_authority(configured, event=AnnotationUpdated(occurred_at=START, annotation_id=annotation.id, revision=2))
        assert told(broker_urls[1]) == []

    def test_a_broker_that_is_away_is_a_passing_fault(
        self, context: Context, make_settings: Callable[..., Settings], annotation: Annotation, free_port: int
    ) -> None:
        queue = {"broker_url": f"redis://127.0.0.1:{free_port}/0", "queue_name": "lms", "task_name": "x"}
        away = replace(context, settings=make_settings(authority_queue_config={"lms.example.net": queue}))
        with pytest.raises(BrokerUnavailableError):
            tell_authority(away, event=AnnotationUpdated(occurred_at=START, annotation_id=annotation.id, revision=2))


class TestHandler:
    def test_only_configured_authorities_are_told(
        self, context: Context, configured: Context, queue: Any, annotation: Annotation
    ) -> None:
        event = AnnotationUpdated(occurred_at=START, annotation_id=annotation.id, revision=2)
        on_annotation_updated(event, attempts=0, context=context, tasks=queue)
        assert queue.queued == []
        on_annotation_updated(event, attempts=0, context=configured, tasks=queue)
        assert [name for name, _, _ in queue.queued] == ["tell_authority"]
