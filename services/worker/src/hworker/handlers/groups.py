"""What follows from events of groups."""

from hcommon.events.groups import GroupUpdated

from hworker.app import TaskQueue
from hworker.context import Context


def on_group_updated(event: GroupUpdated, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have the group's annotations indexed anew, if others than before may read them.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    if event.readers_changed:
        tasks.send_event("revise_group", event=event, attempts=attempts)
