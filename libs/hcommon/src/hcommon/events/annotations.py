"""Events of annotations."""

from typing import ClassVar
from uuid import UUID

from hcommon.events.base import Consumer, Event


class AnnotationEvent(Event):
    """Something happened to one annotation; `revision` is the row's after the change."""

    annotation_id: UUID
    revision: int


class AnnotationCreated(AnnotationEvent):
    """An annotation was saved for the first time."""

    TYPE: ClassVar[str] = "annotation.created"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER, Consumer.INDEXER, Consumer.WEBSOCKET})


class AnnotationUpdated(AnnotationEvent):
    """Its author changed an annotation."""

    TYPE: ClassVar[str] = "annotation.updated"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER, Consumer.INDEXER, Consumer.WEBSOCKET})


class AnnotationDeleted(AnnotationEvent):
    """Its author deleted an annotation; the row stays until it is purged."""

    TYPE: ClassVar[str] = "annotation.deleted"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.INDEXER, Consumer.WEBSOCKET})


class AnnotationRefreshed(AnnotationEvent):
    """Something that an annotation shows changed without its author's doing: the author's name, or its page's address.

    Nobody is mailed about it.
    """

    TYPE: ClassVar[str] = "annotation.refreshed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.INDEXER, Consumer.WEBSOCKET})
