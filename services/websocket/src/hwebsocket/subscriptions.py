"""Which events the websocket service consumes, and what it does about each."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from hcommon.events.accounts import GrantRevoked
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted, AnnotationRefreshed, AnnotationUpdated
from hcommon.events.base import Event
from hcommon.events.groups import GroupUpdated, MembershipChanged, MembershipCreated, MembershipDeleted

from hwebsocket.broadcast import Broadcast, Loaded

FanOut = Callable[[Broadcast, Any, Loaded], Coroutine[Any, Any, None]]

SUBSCRIPTIONS: Mapping[type[Event], FanOut] = {
    AnnotationCreated: Broadcast.annotation_created,
    AnnotationUpdated: Broadcast.annotation_updated,
    AnnotationDeleted: Broadcast.annotation_deleted,
    AnnotationRefreshed: Broadcast.annotation_refreshed,
    GrantRevoked: Broadcast.grant_revoked,
    MembershipCreated: Broadcast.group_changed,
    MembershipChanged: Broadcast.group_changed,
    MembershipDeleted: Broadcast.group_changed,
    GroupUpdated: Broadcast.group_changed,
}
"""The whole table: event class to fan-out."""
