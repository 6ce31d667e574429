"""The table of handlers agrees with the catalogue of events, and leads to tasks that there are."""

from typing import Any

import pytest
from hcommon.events import catalog
from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordResetRequested,
    SecondFactorChanged,
    UserDeleted,
    UserRegistered,
    UserRenamed,
)
from hcommon.events.base import Consumer, Event
from hcommon.events.groups import GroupReadersChanged
from hcommon.events.lifecycle import GroupDeleted
from hcommon.events.moderation import AnnotationFlagged, ShadowBanChanged
from hcommon.events.site import MailTestRequested
from hcommon.testing.clock import START
from hworker.context import Context
from hworker.subscriptions import SUBSCRIPTIONS, task
from hworker.tasks.registry import EVENT_TASKS


class TestSubscriptions:
    def test_are_the_catalogues_events_that_name_the_worker(self) -> None:
        assert set(SUBSCRIPTIONS) == catalog.consumed_by(Consumer.WORKER)

    def test_handlers_that_decide_are_named_after_their_events(self) -> None:
        deciding = {event: made for event, made in SUBSCRIPTIONS.items() if made.__module__ != task.__module__}
        assert len(deciding) == 3
        for event, handler in deciding.items():
            assert handler.__name__ == "on_" + event.TYPE.replace(".", "_")

    @pytest.mark.parametrize(
        ("event_type", "name"),
        [
            (AnnotationFlagged, "send_flag_notices"),
            (UserRegistered, "send_activation_mail"),
            (PasswordResetRequested, "send_password_reset_mail"),
            (EmailChangeRequested, "send_email_change_mail"),
            (EmailChanged, "send_email_changed_mail"),
            (SecondFactorChanged, "send_second_factor_notice"),
            (UserRenamed, "refresh_renamed_user"),
            (UserDeleted, "empty_deleted_user"),
            (GroupDeleted, "empty_deleted_group"),
            (ShadowBanChanged, "revise_author"),
            (GroupReadersChanged, "revise_group"),
            (MailTestRequested, "send_test_mail"),
        ],
    )
    def test_an_event_that_needs_no_decision_is_handed_to_its_task(
        self, context: Context, queue: Any, event_type: type[Event], name: str
    ) -> None:
        event = event_type.model_construct(occurred_at=START)
        SUBSCRIPTIONS[event_type](event, attempts=3, context=context, tasks=queue)
        assert queue.queued == [(name, event, 3)]
        assert name in EVENT_TASKS
