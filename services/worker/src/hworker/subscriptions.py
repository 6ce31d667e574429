"""Which handler gets which event: the whole table."""

from collections.abc import Callable, Mapping
from typing import Final

from hcommon.events.accounts import UserRegistered
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Event
from hcommon.events.groups import GroupReadersChanged
from hcommon.events.moderation import AnnotationFlagged, AnnotationModerated

from hworker.handlers.accounts import on_user_registered
from hworker.handlers.annotations import on_annotation_created
from hworker.handlers.groups import on_group_readers_changed
from hworker.handlers.moderation import on_annotation_flagged, on_annotation_moderated

SUBSCRIPTIONS: Final[Mapping[type[Event], Callable[..., None]]] = {
    AnnotationCreated: on_annotation_created,
    AnnotationFlagged: on_annotation_flagged,
    AnnotationModerated: on_annotation_moderated,
    UserRegistered: on_user_registered,
    GroupReadersChanged: on_group_readers_changed,
}
