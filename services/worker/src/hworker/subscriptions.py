"""Which handler gets which event: the whole table."""

from collections.abc import Callable, Mapping
from typing import Final

from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordResetRequested,
    SecondFactorChanged,
    UserDeleted,
    UserRegistered,
    UserRenamed,
)
from hcommon.events.annotations import AnnotationCreated, AnnotationUpdated
from hcommon.events.base import Event
from hcommon.events.groups import GroupReadersChanged
from hcommon.events.lifecycle import GroupDeleted
from hcommon.events.moderation import AnnotationFlagged, AnnotationModerated, ShadowBanChanged
from hcommon.events.site import MailTestRequested

from hworker.app import TaskQueue
from hworker.context import Context
from hworker.handlers import annotations, moderation

Handler = Callable[..., None]


def task(name: str) -> Handler:
    """Return the handler of an event that needs no decision: it has this task carry the event out."""

    def queue(event: Event, *, attempts: int, context: Context, tasks: TaskQueue) -> None:  # noqa: ARG001 - as every handler
        tasks.send_event(name, event=event, attempts=attempts)

    return queue


SUBSCRIPTIONS: Final[Mapping[type[Event], Handler]] = {
    AnnotationCreated: annotations.on_annotation_created,
    AnnotationUpdated: annotations.on_annotation_updated,
    AnnotationFlagged: task("send_flag_notices"),
    AnnotationModerated: moderation.on_annotation_moderated,
    UserRegistered: task("send_activation_mail"),
    PasswordResetRequested: task("send_password_reset_mail"),
    EmailChangeRequested: task("send_email_change_mail"),
    EmailChanged: task("send_email_changed_mail"),
    SecondFactorChanged: task("send_second_factor_notice"),
    UserRenamed: task("refresh_renamed_user"),
    UserDeleted: task("empty_deleted_user"),
    GroupDeleted: task("empty_deleted_group"),
    ShadowBanChanged: task("revise_author"),
    GroupReadersChanged: task("revise_group"),
    MailTestRequested: task("send_test_mail"),
}
