"""Which annotations an event makes stale in the index, one or a user's: the whole table."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from hcommon.events.annotations import (
    AnnotationCreated,
    AnnotationDeleted,
    AnnotationEvent,
    AnnotationRefreshed,
    AnnotationUpdated,
)
from hcommon.events.base import Event
from hcommon.events.moderation import ShadowBanChanged

from hindexer.authors import AuthorChunk, chunk_of


def annotation_of(event: AnnotationEvent) -> UUID:
    """Return the annotation that the event is about."""
    return event.annotation_id


SUBSCRIPTIONS: Final[Mapping[type[Event], Callable[[Any], UUID | AuthorChunk]]] = {
    AnnotationCreated: annotation_of,
    AnnotationUpdated: annotation_of,
    AnnotationDeleted: annotation_of,
    AnnotationRefreshed: annotation_of,
    ShadowBanChanged: chunk_of,
}
