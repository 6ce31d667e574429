"""What follows from events of groups."""

from hcommon.events.groups import GroupReadersChanged

from hworker.app import TaskQueue
from hworker.context import Context


def on_group_readers_changed(
    event: GroupReadersChanged,
    *,
    attempts: int,
    context: Context,  # noqa: ARG001 - as every handler
    tasks: TaskQueue,
) -> None:
    """Have a piece of the group's annotations indexed anew.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("revise_group", event=event, attempts=attempts)
