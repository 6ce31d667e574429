"""Who lost sight of an annotation by a change: those are told that it is gone.

A change can make an annotation private, hide it, or move it to another page. What it was before comes with the event;
what it is now is read. Whoever could see it before on a page that they look at, and does not any more, hears of a
deletion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from hcommon.authz import AnnotationFacts
from hcommon.events.annotations import AnnotationUpdated
from hcommon.events.base import Event
from hcommon.models import DocumentURI
from hcommon.uri.version import UNVERSIONED
from sqlalchemy import Connection, func, select

from hwebsocket.annotations import LoadedAnnotation
from hwebsocket.filters import Subject

_CANONICAL = "rel-canonical"


@dataclass(frozen=True, slots=True)
class Addresses:
    """What filters compare of a document: all its URIs, and those claimed as canonical."""

    uri_hashes: frozenset[UUID] = frozenset()
    canonical_uris: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Past:
    """What decided over who saw an annotation before a change."""

    facts: AnnotationFacts
    subject: Subject


def load_left_documents(
    connection: Connection, events: Sequence[Event], loaded: Mapping[UUID, LoadedAnnotation]
) -> Mapping[int, Addresses]:
    """Return the addresses of the documents that annotations were moved away from; one statement, or none."""
    left = {
        event.before.document_id
        for event in events
        if isinstance(event, AnnotationUpdated)
        and event.before is not None
        and event.annotation_id in loaded
        and event.before.document_id != loaded[event.annotation_id].row["document_id"]
    }
    if not left:
        return {}
    canonical = func.array_agg(DocumentURI.uri).filter(DocumentURI.type == _CANONICAL)
    hashes = func.array_agg(DocumentURI.uri_hash)
    statement = (
        select(DocumentURI.document_id, hashes.label("hashes"), canonical.label("canonical"))
        .where(DocumentURI.document_id.in_(left))
        .group_by(DocumentURI.document_id)
    )
    return {
        row.document_id: Addresses(frozenset(row.hashes), frozenset(row.canonical or ()))
        for row in connection.execute(statement)
    }


def past_of(
    event: AnnotationUpdated, annotation: LoadedAnnotation, left_documents: Mapping[int, Addresses]
) -> Past | None:
    """Return what the annotation was before; None when nobody can have lost sight of it."""
    before = event.before
    if before is None:
        return None
    facts = annotation.facts._replace(shared=before.shared, moderation_status=before.moderation_status)
    subject = _former_subject(event, annotation, left_documents)
    narrowed = facts.shared > annotation.facts.shared or facts.hidden < annotation.facts.hidden
    return Past(facts, subject) if narrowed or subject != annotation.subject else None


def _former_subject(
    event: AnnotationUpdated, annotation: LoadedAnnotation, left_documents: Mapping[int, Addresses]
) -> Subject:
    before, subject = event.before, annotation.subject
    assert before is not None  # noqa: S101 - the caller has looked
    version = before.document_version or UNVERSIONED
    if before.document_id == annotation.row["document_id"]:
        return replace(subject, target_uri_hash=before.target_uri_hash, version=version)
    # A document that was merged into another one meanwhile has none of its own any more.
    addresses = left_documents.get(before.document_id, Addresses())
    return replace(
        subject,
        target_uri_hash=before.target_uri_hash,
        document_uri_hashes=addresses.uri_hashes,
        canonical_uris=addresses.canonical_uris,
        version=version,
    )
