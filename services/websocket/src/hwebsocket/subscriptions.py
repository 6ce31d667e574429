"""Which events the websocket service consumes, and what it does about each."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from hcommon.events.accounts import GrantRevoked
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted, AnnotationRefreshed, AnnotationUpdated
from hcommon.events.base import Event
from hcommon.events.groups import GroupUpdated, MembershipChanged, MembershipCreated, MembershipDeleted

from hwebsocket.broadcast import Broadcast
from hwebsocket.loading import Loaded
from hwebsocket.sessions import Sessions
from hwebsocket.writes import Writes

OF_ANNOTATIONS: Mapping[type[Event], Callable[[Broadcast, Any, Loaded], Coroutine[Any, Any, None]]] = {
    AnnotationCreated: Broadcast.annotation_created,
    AnnotationUpdated: Broadcast.annotation_updated,
    AnnotationDeleted: Broadcast.annotation_deleted,
    AnnotationRefreshed: Broadcast.annotation_refreshed,
}
"""Event class to fan-out of an annotation."""

OF_SESSIONS: Mapping[type[Event], Callable[[Sessions, Any, Loaded], Coroutine[Any, Any, None]]] = {
    GrantRevoked: Sessions.grant_revoked,
    MembershipCreated: Sessions.membership_created,
    MembershipChanged: Sessions.membership_changed,
    MembershipDeleted: Sessions.membership_deleted,
    GroupUpdated: Sessions.group_updated,
}
"""Event class to what it does to the sockets of users."""


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Hands each event to whoever deals with it."""

    broadcast: Broadcast
    sessions: Sessions
    writes: Writes

    async def deliver(self, event: Event, loaded: Loaded) -> None:
        """Add the event's frames to `writes`, for all sockets that hear of it."""
        fan_out = OF_ANNOTATIONS.get(type(event))
        if fan_out is not None:
            await fan_out(self.broadcast, event, loaded)
        else:
            await OF_SESSIONS[type(event)](self.sessions, event, loaded)
