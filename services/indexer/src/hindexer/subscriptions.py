"""Which annotations an event makes stale in the index: the whole table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hcommon.events.annotations import (
    AnnotationCreated,
    AnnotationDeleted,
    AnnotationEvent,
    AnnotationRefreshed,
    AnnotationsRevised,
    AnnotationUpdated,
)
from hcommon.events.base import Event


def annotation_of(event: AnnotationEvent) -> Sequence[UUID]:
    """Return the annotation that the event is about."""
    return (event.annotation_id,)


def annotations_of(event: AnnotationsRevised) -> Sequence[UUID]:
    """Return the annotations that the event is about."""
    return event.annotation_ids


SUBSCRIPTIONS: Final[Mapping[type[Event], Callable[[Any], Sequence[UUID]]]] = {
    AnnotationCreated: annotation_of,
    AnnotationUpdated: annotation_of,
    AnnotationDeleted: annotation_of,
    AnnotationRefreshed: annotation_of,
    AnnotationsRevised: annotations_of,
}
