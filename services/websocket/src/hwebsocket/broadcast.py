"""Tells the sockets that want to hear of an event, and whose user may, what happened.

An annotation is loaded once, and encoded once for each class of readers that is present: its author, moderators and
others, each with or without a flag of their own and the right to judge. All sockets of a class get the same bytes.

Source: specification of the API, sections 3.3 and 3.4; specification of the client, section 3.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import orjson
from hcommon.authz import ReaderClass, can_moderate, reader_class
from hcommon.events.annotations import (
    AnnotationCreated,
    AnnotationDeleted,
    AnnotationEvent,
    AnnotationRefreshed,
    AnnotationUpdated,
)
from hcommon.events.base import Event
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.presentation.annotation import LinkSettings, present

from hwebsocket.annotations import LoadedAnnotation
from hwebsocket.connection import Connection
from hwebsocket.departures import Past, past_of
from hwebsocket.frames import text_frame
from hwebsocket.loading import Loaded
from hwebsocket.registry import Registry
from hwebsocket.writes import Writes

Action = Literal["create", "update", "delete"]

_CHOICES_IN_A_ROW: Final = 2_000


class Broadcast:
    """Finds, authorises and encodes."""

    def __init__(self, *, registry: Registry, links: LinkSettings, writes: Writes) -> None:
        self._registry = registry
        self._links = links
        self._writes = writes

    async def annotation_created(self, event: AnnotationCreated, loaded: Loaded) -> None:
        """Show a new annotation as it is by now, unless it is gone again."""
        await self._show(event, loaded, action="create")

    async def annotation_updated(self, event: AnnotationUpdated, loaded: Loaded) -> None:
        """Show a changed annotation to those who may see it now; to those who lost sight of it, it is gone."""
        await self._show(event, loaded, action="update")
        annotation = loaded.annotations.get(event.annotation_id)
        past = past_of(event, annotation, loaded.left_documents) if annotation else None
        if annotation is not None and past is not None:
            await self._dismiss(event, annotation, past)

    async def annotation_refreshed(self, event: AnnotationRefreshed, loaded: Loaded) -> None:
        """Show an annotation whose author has another name, or whose page another address."""
        await self._show(event, loaded, action="update")

    async def annotation_deleted(self, event: AnnotationDeleted, loaded: Loaded) -> None:
        """Tell those who could see an annotation that it is gone; moderators of a hidden one too."""
        annotation = loaded.annotations.get(event.annotation_id)
        if annotation is not None:
            await self._send(event, annotation, action="delete")

    async def _show(self, event: AnnotationEvent, loaded: Loaded, *, action: Action) -> None:
        annotation = loaded.annotations.get(event.annotation_id)
        if annotation is not None and not annotation.facts.deleted:
            await self._send(event, annotation, action=action)

    async def _send(self, event: AnnotationEvent, annotation: LoadedAnnotation, *, action: Action) -> None:
        encoder = _Encoder(annotation, action=action, links=self._links)

        def frame(connection: Connection) -> bytes | None:
            principal = connection.principal
            reader = reader_class(principal, annotation.facts)
            if reader is None:
                return None
            return encoder.frame(
                reader,
                flagged=principal.user_id in annotation.flaggers,
                moderates=can_moderate(principal, annotation.facts),
            )

        await self._write(event, self._registry.wanting(annotation.subject), frame)

    async def _dismiss(self, event: AnnotationUpdated, annotation: LoadedAnnotation, past: Past) -> None:
        gone = _Encoder(annotation, action="delete", links=self._links)
        still_wanting = self._registry.wanting(annotation.subject)

        def frame(connection: Connection) -> bytes | None:
            principal = connection.principal
            sees = connection in still_wanting and reader_class(principal, annotation.facts) is not None
            saw = reader_class(principal, past.facts)
            return None if sees or saw is None else gone.frame(saw, flagged=False, moderates=False)

        await self._write(event, self._registry.wanting(past.subject), frame)

    async def _write(
        self, event: Event, connections: Iterable[Connection], frame: Callable[[Connection], bytes | None]
    ) -> None:
        """Write to each connection what `frame` makes for it, if anything."""
        for number, connection in enumerate(connections, start=1):
            if not _is_echo(event, connection):
                made = frame(connection)
                if made is not None:
                    self._writes.add(connection, made)
            if number % _CHOICES_IN_A_ROW == 0:
                await asyncio.sleep(0)  # others on the loop wait no longer than for so many


class _Encoder:
    """Makes the frames of one event, each when its first reader comes."""

    def __init__(self, annotation: LoadedAnnotation, *, action: Action, links: LinkSettings) -> None:
        self._annotation = annotation
        self._action = action
        self._links = links
        self._frames: dict[tuple[ReaderClass, bool, bool] | None, bytes] = {}

    def frame(self, reader: ReaderClass, *, flagged: bool, moderates: bool) -> bytes:
        """Return the frame for a reader; a deletion looks the same to all."""
        key = None if self._action == "delete" else (reader, flagged, moderates)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._encode(reader, flagged=flagged, moderates=moderates)
        return frame

    def _encode(self, reader: ReaderClass, *, flagged: bool, moderates: bool) -> bytes:
        annotation = self._annotation
        values: dict[str, Any]
        if self._action == "delete":
            values = {"id": annotation_id_to_urlsafe(annotation.subject.annotation_id)}
        else:
            values = present(
                annotation.row,
                facts=annotation.facts,
                reader=reader,
                flagged=flagged,
                links=self._links,
                moderates=moderates,
            )
        message = {"type": "annotation-notification", "options": {"action": self._action}, "payload": [values]}
        return text_frame(orjson.dumps(message))


def _is_echo(event: Event, connection: Connection) -> bool:
    """Return whether the event was caused by this very client; a change without a client's name is nobody's echo."""
    return event.client_id is not None and event.client_id == connection.client_id
