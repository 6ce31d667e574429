"""What follows from events of accounts."""

from hcommon.events.accounts import UserRegistered

from hworker.app import TaskQueue
from hworker.context import Context


def on_user_registered(event: UserRegistered, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have the activation mail sent.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_activation_mail", event=event, attempts=attempts)
