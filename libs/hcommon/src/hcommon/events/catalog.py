"""The one list of all events; `docs/events.md` is written from it."""

from typing import Any

from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    GrantRevoked,
    PasswordResetRequested,
    SecondFactorChanged,
    UserDeleted,
    UserRegistered,
    UserRenamed,
)
from hcommon.events.annotations import (
    AnnotationCreated,
    AnnotationDeleted,
    AnnotationRefreshed,
    AnnotationsRevised,
    AnnotationUpdated,
)
from hcommon.events.base import Consumer, Event
from hcommon.events.groups import (
    GroupReadersChanged,
    GroupUpdated,
    MembershipChanged,
    MembershipCreated,
    MembershipDeleted,
)
from hcommon.events.lifecycle import GroupDeleted
from hcommon.events.moderation import AnnotationFlagged, AnnotationModerated, ShadowBanChanged
from hcommon.events.site import MailTestRequested

EVENTS: tuple[type[Event], ...] = (
    AnnotationCreated,
    AnnotationUpdated,
    AnnotationDeleted,
    AnnotationRefreshed,
    AnnotationFlagged,
    AnnotationModerated,
    ShadowBanChanged,
    AnnotationsRevised,
    UserRegistered,
    PasswordResetRequested,
    EmailChangeRequested,
    EmailChanged,
    SecondFactorChanged,
    UserRenamed,
    UserDeleted,
    GrantRevoked,
    GroupDeleted,
    MailTestRequested,
    MembershipCreated,
    MembershipChanged,
    MembershipDeleted,
    GroupUpdated,
    GroupReadersChanged,
)

_BY_TYPE = {event.TYPE: event for event in EVENTS}


def consumed_by(consumer: Consumer) -> frozenset[type[Event]]:
    """Return the events that a service must subscribe to."""
    return frozenset(event for event in EVENTS if consumer in event.CONSUMERS)


def decode(event_type: str, payload: dict[str, Any]) -> Event | None:
    """Return the event of a message, or None for a type that this release does not know.

    Raises:
        pydantic.ValidationError: The payload is not that event.
    """
    event_class = _BY_TYPE.get(event_type)
    return event_class.model_validate(payload) if event_class else None
