"""What follows from wishes of the people who run the site."""

from hcommon.events.site import MailTestRequested

from hworker.app import TaskQueue
from hworker.context import Context


def on_mail_test_requested(event: MailTestRequested, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
    """Have the test mail sent.

    Raises:
        BrokerUnavailableError: The task could not be queued.
    """
    tasks.send_event("send_test_mail", event=event, attempts=attempts)
