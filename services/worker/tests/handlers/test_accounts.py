"""What follows from accounts."""

from typing import Any

from hcommon.events.accounts import UserRegistered
from hcommon.testing.clock import START
from hworker.context import Context
from hworker.handlers.accounts import on_user_registered


class TestOnUserRegistered:
    def test_the_activation_mail_is_sent(self, context: Context, queue: Any) -> None:
        event = UserRegistered(occurred_at=START, user_id=7)
        on_user_registered(event, attempts=0, context=context, tasks=queue)
        assert queue.queued == [("send_activation_mail", event, 0)]
