"""What follows from accounts."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    SecondFactorChange,
    SecondFactorChanged,
    UserRegistered,
)
from hcommon.events.base import Event
from hcommon.testing.clock import START
from hworker.context import Context
from hworker.handlers import accounts
from hworker.handlers.accounts import on_user_registered


class TestOnUserRegistered:
    def test_the_activation_mail_is_sent(self, context: Context, queue: Any) -> None:
        event = UserRegistered(occurred_at=START, user_id=7)
        on_user_registered(event, attempts=0, context=context, tasks=queue)
        assert queue.queued == [("send_activation_mail", event, 0)]


class TestWhatAnOwnerShouldKnow:
    @pytest.mark.parametrize(
        ("handler", "event", "task"),
        [
            (
                accounts.on_email_change_requested,
                EmailChangeRequested(
                    occurred_at=START, user_id=7, email="new@x.test", old_email=None, password_changed_at=None
                ),
                "send_email_change_mail",
            ),
            (
                accounts.on_email_changed,
                EmailChanged(occurred_at=START, user_id=7, old_email="old@x.test"),
                "send_email_changed_mail",
            ),
            (
                accounts.on_second_factor_changed,
                SecondFactorChanged(occurred_at=START, user_id=7, change=SecondFactorChange.TURNED_OFF),
                "send_second_factor_notice",
            ),
        ],
    )
    def test_is_mailed(
        self, context: Context, queue: Any, handler: Callable[..., None], event: Event, task: str
    ) -> None:
        handler(event, attempts=3, context=context, tasks=queue)
        assert queue.queued == [(task, event, 3)]
