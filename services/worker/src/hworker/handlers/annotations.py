"""What follows from events of annotations.

Notices are recorded by the tasks that send them, together with the sending: recorded here, they would be lost if the
process died before the task was queued.
"""

from hcommon.events.annotations import AnnotationCreated, AnnotationEvent, AnnotationUpdated

from hworker.app import TaskQueue
from hworker.context import Context
from hworker.notices import mentions, replies
from hworker.notices.concerned import Concerned, concerned_by
from hworker.tasks import authorities


def on_annotation_created(event: AnnotationCreated, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Have the author of the annotation replied to told of a reply, and people of their being mentioned.

    Raises:
        BrokerUnavailableError: A task could not be queued.
    """
    concerned = _concerned(event, context)
    if concerned.is_reply:
        tell_of_reply(event, attempts=attempts, context=context, tasks=tasks)
    if concerned.has_mentions:
        _tell_mentioned(event, attempts=attempts, context=context, tasks=tasks)


def on_annotation_updated(event: AnnotationUpdated, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Have people told whom an annotation mentions now; those who were told before are left in peace.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    if _concerned(event, context).has_mentions:
        _tell_mentioned(event, attempts=attempts, context=context, tasks=tasks)


def tell_of_reply(event: AnnotationEvent, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Have the author of the annotation replied to told, if the event is about a reply that they may see.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    with context.database.read() as connection:
        notice = replies.find_notice(connection, annotation_id=event.annotation_id, links=context.settings.links)
    if notice is not None:
        tasks.send_event("send_reply_notice", event=event, attempts=attempts)


def _concerned(event: AnnotationEvent, context: Context) -> Concerned:
    with context.database.read() as connection:
        return concerned_by(connection, annotation_id=event.annotation_id)


def _tell_mentioned(event: AnnotationEvent, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    with context.database.read() as connection:
        somebody = mentions.recipients_of(connection, annotation_id=event.annotation_id)
        authority = authorities.find(connection, context, annotation_id=event.annotation_id)
    if authority is not None:
        tasks.send_event("tell_authority", event=event, attempts=attempts)
    if somebody:
        tasks.send_event("send_mention_notices", event=event, attempts=attempts)
