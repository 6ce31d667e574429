"""Reads everything about the annotations of a batch of events, for all possible readers, in one statement."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hcommon.auth import ANONYMOUS
from hcommon.authz import AnnotationFacts
from hcommon.db.prepared import prepared
from hcommon.db.types import UUIDArray
from hcommon.models import Annotation, DocumentURI, Flag
from hcommon.presentation.annotation import annotation_columns, annotation_source, facts_of
from hcommon.uri.version import UNVERSIONED
from sqlalchemy import Connection, RowMapping, any_, bindparam, func, select

from hwebsocket.filters import Subject

_CANONICAL = "rel-canonical"


@dataclass(frozen=True, slots=True)
class LoadedAnnotation:
    """One annotation as it is now.

    Attributes:
        row: What `presentation.annotation.present` needs; its `flagged` says nothing.
        flaggers: Keys of the users who flagged it.
    """

    row: RowMapping
    facts: AnnotationFacts
    subject: Subject
    flaggers: frozenset[int]


def _columns() -> list[Any]:
    of_document = DocumentURI.document_id == Annotation.document_id
    hashes = select(func.array_agg(DocumentURI.uri_hash.distinct())).where(of_document)
    canonical = select(func.array_agg(DocumentURI.uri.distinct())).where(of_document, DocumentURI.type == _CANONICAL)
    flaggers = select(func.array_agg(Flag.user_id)).where(Flag.annotation_id == Annotation.id)
    flag_count = select(func.count(Flag.id)).where(Flag.annotation_id == Annotation.id)
    return [
        *(column for column in annotation_columns(ANONYMOUS) if column.key != "flag_count"),
        Annotation.document_id,
        Annotation.target_uri_hash,
        Annotation.document_version,
        hashes.scalar_subquery().label("document_uri_hashes"),
        canonical.scalar_subquery().label("canonical_uris"),
        flaggers.scalar_subquery().label("flaggers"),
        flag_count.scalar_subquery().label("flag_count"),
    ]


_statement = prepared(
    select(*_columns())
    .select_from(annotation_source())
    .where(Annotation.id == any_(bindparam("ids", type_=UUIDArray())))
)


def load(connection: Connection, annotation_ids: Collection[UUID]) -> dict[UUID, LoadedAnnotation]:
    """Return the annotations that are still there, deleted ones too, by id."""
    rows = connection.execute(_statement, {"ids": list(annotation_ids)}).mappings()
    return {row["id"]: _loaded(row) for row in rows}


def _loaded(row: RowMapping) -> LoadedAnnotation:
    return LoadedAnnotation(
        row=row,
        facts=facts_of(row),
        subject=Subject(
            annotation_id=row["id"],
            references=tuple(row["references"]),
            group_pubid=row["pubid"],
            target_uri_hash=row["target_uri_hash"],
            document_uri_hashes=frozenset(row["document_uri_hashes"] or ()),
            canonical_uris=frozenset(row["canonical_uris"] or ()),
            version=row["document_version"] or UNVERSIONED,
        ),
        flaggers=frozenset(row["flaggers"] or ()),
    )
