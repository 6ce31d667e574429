"""What follows from verdicts."""

from hcommon.events.moderation import AnnotationModerated
from hcommon.models.annotation import ModerationStatus

from hworker.app import TaskQueue
from hworker.context import Context
from hworker.handlers.annotations import tell_of_reply
from hworker.notices.verdicts import TOLD


def on_annotation_moderated(event: AnnotationModerated, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Have the author told of the verdict; and of an approved reply, now that others may see it, whoever it answers.

    Those whom it mentions are told because of the annotation's change, which is an event of its own.

    Raises:
        BrokerUnavailableError: A task could not be queued.
    """
    if event.tell_author and (event.old_status, event.new_status) in TOLD:
        tasks.send_event("send_verdict_notice", event=event, attempts=attempts)
    if event.new_status == ModerationStatus.APPROVED:
        tell_of_reply(event, attempts=attempts, context=context, tasks=tasks)
