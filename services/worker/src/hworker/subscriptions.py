"""Which handler gets which event: the whole table."""

from collections.abc import Callable, Mapping
from typing import Final

from hcommon.events.accounts import UserRegistered
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Event
from hcommon.events.groups import GroupUpdated

from hworker.handlers.accounts import on_user_registered
from hworker.handlers.annotations import on_annotation_created
from hworker.handlers.groups import on_group_updated

SUBSCRIPTIONS: Final[Mapping[type[Event], Callable[..., None]]] = {
    AnnotationCreated: on_annotation_created,
    UserRegistered: on_user_registered,
    GroupUpdated: on_group_updated,
}
