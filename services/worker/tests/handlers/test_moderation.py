"""What follows from verdicts."""

from typing import Any

import pytest
from hcommon.events.moderation import AnnotationModerated
from hcommon.testing.clock import START
from hworker.context import Context
from hworker.handlers.moderation import on_annotation_moderated


def moderated(annotation: Any, **changes: Any) -> AnnotationModerated:
    values: dict[str, Any] = {"old_status": "PENDING", "new_status": "APPROVED", "tell_author": True, "moderator_id": 1}
    return AnnotationModerated(occurred_at=START, annotation_id=annotation.id, revision=2, **(values | changes))


class TestOnAnnotationModerated:
    def test_the_author_is_told_and_of_an_approved_reply_whoever_it_answers(
        self, context: Context, queue: Any, thread: Any
    ) -> None:
        event = moderated(thread[1])
        on_annotation_moderated(event, attempts=0, context=context, tasks=queue)
        assert [name for name, _, _ in queue.queued] == ["send_verdict_notice", "send_reply_notice"]

    def test_of_an_approved_annotation_that_is_no_reply_the_author_alone(
        self, context: Context, queue: Any, thread: Any
    ) -> None:
        on_annotation_moderated(moderated(thread[0]), attempts=0, context=context, tasks=queue)
        assert [name for name, _, _ in queue.queued] == ["send_verdict_notice"]

    @pytest.mark.parametrize("changes", [{"tell_author": False}, {"new_status": "SPAM"}])
    def test_the_author_is_not_told_of_everything(
        self, context: Context, queue: Any, thread: Any, changes: dict[str, Any]
    ) -> None:
        on_annotation_moderated(moderated(thread[0], **changes), attempts=0, context=context, tasks=queue)
        assert queue.queued == []
