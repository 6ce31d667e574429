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

from hworker.handlers import accounts, annotations, groups, moderation, site

SUBSCRIPTIONS: Final[Mapping[type[Event], Callable[..., None]]] = {
    AnnotationCreated: annotations.on_annotation_created,
    AnnotationUpdated: annotations.on_annotation_updated,
    AnnotationFlagged: moderation.on_annotation_flagged,
    AnnotationModerated: moderation.on_annotation_moderated,
    UserRegistered: accounts.on_user_registered,
    PasswordResetRequested: accounts.on_password_reset_requested,
    EmailChangeRequested: accounts.on_email_change_requested,
    EmailChanged: accounts.on_email_changed,
    SecondFactorChanged: accounts.on_second_factor_changed,
    UserRenamed: accounts.on_user_renamed,
    UserDeleted: accounts.on_user_deleted,
    GroupDeleted: accounts.on_group_deleted,
    ShadowBanChanged: moderation.on_user_shadow_ban_changed,
    GroupReadersChanged: groups.on_group_readers_changed,
    MailTestRequested: site.on_mail_test_requested,
}
