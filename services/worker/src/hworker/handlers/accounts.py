"""What follows from events of accounts and groups."""

from hcommon.events.accounts import PasswordResetRequested, UserDeleted, UserRegistered, UserRenamed
from hcommon.events.lifecycle import GroupDeleted

from hworker.app import TaskQueue
from hworker.context import Context


def on_user_registered(event: UserRegistered, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have the activation mail sent.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_activation_mail", event=event, attempts=attempts)


def on_password_reset_requested(
    event: PasswordResetRequested,
    *,
    attempts: int,
    context: Context,  # noqa: ARG001 - as every handler
    tasks: TaskQueue,
) -> None:
    """Have the link mailed.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_password_reset_mail", event=event, attempts=attempts)


def on_user_renamed(event: UserRenamed, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have the user's annotations brought up to date.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("refresh_renamed_user", event=event, attempts=attempts)


def on_user_deleted(event: UserDeleted, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have removed what belongs to the account.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("empty_deleted_user", event=event, attempts=attempts)


def on_group_deleted(event: GroupDeleted, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have removed what belongs to the group.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("empty_deleted_group", event=event, attempts=attempts)
