"""What follows from events of accounts and groups."""

from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordResetRequested,
    SecondFactorChanged,
    UserDeleted,
    UserRegistered,
    UserRenamed,
)
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


def on_email_change_requested(
    event: EmailChangeRequested,
    *,
    attempts: int,
    context: Context,  # noqa: ARG001 - as every handler
    tasks: TaskQueue,
) -> None:
    """Have the link mailed that proves the new address.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_email_change_mail", event=event, attempts=attempts)


def on_email_changed(event: EmailChanged, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have the old address told.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_email_changed_mail", event=event, attempts=attempts)


def on_second_factor_changed(
    event: SecondFactorChanged,
    *,
    attempts: int,
    context: Context,  # noqa: ARG001 - as every handler
    tasks: TaskQueue,
) -> None:
    """Have the owner told.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_second_factor_notice", event=event, attempts=attempts)


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
