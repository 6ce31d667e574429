"""What follows from annotations."""

from typing import Any

import pytest
from hcommon.bus.publisher import BrokerUnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.testing.clock import START
from hworker.context import Context
from hworker.handlers.annotations import on_annotation_created


def created(annotation: Any) -> AnnotationCreated:
    return AnnotationCreated(occurred_at=START, annotation_id=annotation.id, revision=1)


class TestOnAnnotationCreated:
    def test_a_reply_has_its_parents_author_told(self, context: Context, queue: Any, thread: Any) -> None:
        event = created(thread[1])
        on_annotation_created(event, attempts=3, context=context, tasks=queue)
        assert queue.queued == [("send_reply_notice", event, 3)]

    def test_anything_else_has_nobody_told(self, context: Context, queue: Any, thread: Any) -> None:
        on_annotation_created(created(thread[0]), attempts=0, context=context, tasks=queue)
        assert queue.queued == []

    def test_a_task_that_cannot_be_queued_is_a_passing_fault(self, context: Context, queue: Any, thread: Any) -> None:
        queue.error = BrokerUnavailableError("away")
        with pytest.raises(BrokerUnavailableError):
            on_annotation_created(created(thread[1]), attempts=0, context=context, tasks=queue)
