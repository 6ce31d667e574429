"""Events of annotations."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from hcommon.events.base import Consumer, Event


class AnnotationEvent(Event):
    """Something happened to one annotation; `revision` is the row's after the change."""

    annotation_id: UUID
    revision: int


class AnnotationBefore(BaseModel):
    """What decided over who saw an annotation, and on which page, before a change.

    Attributes:
        moderation_status: None means never judged.
        document_version: None means unversioned.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    shared: bool
    moderation_status: str | None
    document_id: int
    document_version: int | None
    target_uri_hash: UUID


class AnnotationCreated(AnnotationEvent):
    """An annotation was saved for the first time."""

    TYPE: ClassVar[str] = "annotation.created"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER, Consumer.INDEXER, Consumer.WEBSOCKET})


class AnnotationUpdated(AnnotationEvent):
    """Its author changed an annotation, or a moderator judged it.

    `before` tells who could see it until then, so that those who lost sight of it are told that it is gone; None is
    of an older release.
    """

    TYPE: ClassVar[str] = "annotation.updated"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER, Consumer.INDEXER, Consumer.WEBSOCKET})

    before: AnnotationBefore | None = None


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


class AnnotationsRevised(Event):
    """Something beside these annotations changed what search must know of them; their revisions were raised.

    Attributes:
        annotation_ids: A chunk of them.
    """

    TYPE: ClassVar[str] = "annotations.revised"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.INDEXER})

    annotation_ids: tuple[UUID, ...]
