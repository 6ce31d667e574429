"""What follows from events of annotations."""

from hcommon.events.annotations import AnnotationCreated
from hcommon.presentation.annotation import LinkSettings

from hworker import replies
from hworker.app import TaskQueue
from hworker.context import Context


def on_annotation_created(event: AnnotationCreated, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Have the author of the annotation replied to told of a reply.

    The notification is recorded by the task that sends it, together with the sending: recorded here, it would be lost
    if the process died before the task was queued.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    settings = context.settings
    links = LinkSettings(app_url=settings.app_url, authority=settings.authority, bouncer_url=settings.bouncer_url)
    with context.database.read() as connection:
        notice = replies.find_notice(connection, annotation_id=event.annotation_id, links=links)
    if notice is not None:
        tasks.send_event("send_reply_notice", event=event, attempts=attempts)
