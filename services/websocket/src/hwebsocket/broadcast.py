"""Tells the sockets that want to hear of an event, and whose user may, what happened.

An annotation is loaded once, and encoded once for each class of readers that is present: its author, moderators and
others, each with or without a flag of their own. All sockets of a class get the same bytes.

Source: specification of the API, sections 3.3 and 3.4; specification of the client, section 3.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from hcommon.authz import ReaderClass, reader_class
from hcommon.db.engine import Database
from hcommon.events.accounts import GrantRevoked
from hcommon.events.annotations import (
    AnnotationCreated,
    AnnotationDeleted,
    AnnotationEvent,
    AnnotationRefreshed,
    AnnotationUpdated,
)
from hcommon.events.base import Event
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.metrics import Metrics
from hcommon.presentation.annotation import LinkSettings, present

from hwebsocket.annotations import LoadedAnnotation, load
from hwebsocket.connection import CloseReason, Connection
from hwebsocket.frames import text_frame
from hwebsocket.metrics import FAN_OUT, FRAMES_SENT
from hwebsocket.registry import Registry

Action = Literal["create", "update", "delete"]
Loaded = Mapping[UUID, LoadedAnnotation]

_WRITES_IN_A_ROW: Final = 500


class Broadcast:
    """Loads, finds, authorises, encodes and writes."""

    def __init__(self, *, database: Database, registry: Registry, links: LinkSettings, metrics: Metrics) -> None:
        self._database = database
        self._registry = registry
        self._links = links
        self._metrics = metrics

    def load(self, events: Sequence[Event]) -> Loaded:
        """Read the annotations of a batch, in the thread that calls; none while no socket wants to hear of any.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        ids = {event.annotation_id for event in events if isinstance(event, AnnotationEvent)}
        if not ids or not self._registry.is_anybody_listening:
            return {}
        with self._database.read() as connection:
            return load(connection, ids)

    async def annotation_created(self, event: AnnotationCreated, loaded: Loaded) -> None:
        """Show a new annotation as it is by now, unless it is gone again."""
        await self._show(event, loaded, action="create")

    async def annotation_updated(self, event: AnnotationUpdated | AnnotationRefreshed, loaded: Loaded) -> None:
        """Show a changed annotation to those who may see it now."""
        await self._show(event, loaded, action="update")

    async def annotation_deleted(self, event: AnnotationDeleted, loaded: Loaded) -> None:
        """Tell those who could see an annotation that it is gone; moderators of a hidden one too."""
        annotation = loaded.get(event.annotation_id)
        if annotation is not None:
            await self._send(event, annotation, action="delete")

    async def grant_revoked(self, event: GrantRevoked, loaded: Loaded) -> None:  # noqa: ARG002 - one signature for all
        """Close the sockets that a grant had opened."""
        for connection in self._registry.revoke(event.grant_id):
            connection.close(CloseReason.REVOKED)

    async def _show(self, event: AnnotationEvent, loaded: Loaded, *, action: Action) -> None:
        annotation = loaded.get(event.annotation_id)
        if annotation is not None and not annotation.facts.deleted:
            await self._send(event, annotation, action=action)

    async def _send(self, event: AnnotationEvent, annotation: LoadedAnnotation, *, action: Action) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        encoder = _Encoder(annotation, action=action, links=self._links)
        sent = 0
        for number, connection in enumerate(self._registry.wanting(annotation.subject), start=1):
            if not _is_echo(event, connection):
                reader = reader_class(connection.principal, annotation.facts)
                if reader is not None:
                    flagged = connection.principal.user_id in annotation.flaggers
                    sent += connection.send(encoder.frame(reader, flagged=flagged))
            if number % _WRITES_IN_A_ROW == 0:
                await asyncio.sleep(0)  # others on the loop wait no longer than for so many writes
        self._metrics.count(FRAMES_SENT, sent)
        self._metrics.timing(FAN_OUT, (loop.time() - started) * 1000)


class _Encoder:
    """Makes the frames of one event, each when its first reader comes."""

    def __init__(self, annotation: LoadedAnnotation, *, action: Action, links: LinkSettings) -> None:
        self._annotation = annotation
        self._action = action
        self._links = links
        self._frames: dict[tuple[ReaderClass, bool] | None, bytes] = {}

    def frame(self, reader: ReaderClass, *, flagged: bool) -> bytes:
        """Return the frame for a reader; a deletion looks the same to all."""
        key = None if self._action == "delete" else (reader, flagged)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._encode(reader, flagged=flagged)
        return frame

    def _encode(self, reader: ReaderClass, *, flagged: bool) -> bytes:
        annotation = self._annotation
        values: dict[str, Any]
        if self._action == "delete":
            values = {"id": annotation_id_to_urlsafe(annotation.subject.annotation_id)}
        else:
            values = present(annotation.row, facts=annotation.facts, reader=reader, flagged=flagged, links=self._links)
        message = {"type": "annotation-notification", "options": {"action": self._action}, "payload": [values]}
        return text_frame(orjson.dumps(message))


def _is_echo(event: Event, connection: Connection) -> bool:
    """Return whether the event was caused by this very client; a change without a client's name is nobody's echo."""
    return event.client_id is not None and event.client_id == connection.client_id
