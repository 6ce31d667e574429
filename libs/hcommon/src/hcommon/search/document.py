"""What search knows of an annotation: one frozen value that the writers of all backends take."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, RowMapping, any_, bindparam, select

from hcommon.db.prepared import prepared
from hcommon.db.types import UUIDArray
from hcommon.ids import make_userid
from hcommon.models import Annotation, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import ReadableBy

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class AnnotationDocument:
    """An annotation as it is searched for.

    Texts are as written, not yet folded, but free of what no index can hold (NUL, lone surrogates). The document's
    title and id are not in here, so that merging documents changes none of these.

    Attributes:
        revision: External version: one of an older revision never replaces this one.
        hidden: A moderation status other than APPROVED.
        world: Whether the group is readable by anybody.
        nipsa: Whether the author is shadow-banned.
        created_us: Microseconds since 1970.
        updated_us: Microseconds since 1970.
        document_version: None means unversioned.
        references: Ancestors, the thread's root first.
        quotes: `exact` of each TextQuoteSelector.
        sealed: Kept from ordinary readers by a checkpoint.
        revealed_to_id: The one of those who sees it all the same.
    """

    id: UUID
    revision: int
    user_id: int
    username_normalized: str
    authority: str
    userid: str
    group_id: int
    group_pubid: str
    group_authority: str
    group_authority_provided_id: str | None
    shared: bool
    hidden: bool
    world: bool
    nipsa: bool
    created_us: int
    updated_us: int
    target_uri: str
    target_uri_normalized: str
    target_uri_hash: UUID
    document_version: int | None
    references: tuple[UUID, ...]
    quotes: tuple[str, ...]
    tags: tuple[str, ...]
    text: str
    sealed: bool = False
    revealed_to_id: int | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """An annotation that search must not find any more.

    Attributes:
        revision: The deleted row's; None when the row itself is gone.
    """

    id: UUID
    revision: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What search has to know of some annotations."""

    documents: tuple[AnnotationDocument, ...] = ()
    removals: tuple[Removal, ...] = ()


_COLUMNS = (
    Annotation.id,
    Annotation.revision,
    Annotation.user_id,
    Annotation.group_id,
    Annotation.shared,
    Annotation.deleted,
    Annotation.moderation_status,
    Annotation.created,
    Annotation.updated,
    Annotation.target_uri,
    Annotation.target_uri_normalized,
    Annotation.target_uri_hash,
    Annotation.document_version,
    Annotation.references,
    Annotation.target_selectors,
    Annotation.tags,
    Annotation.text,
    Annotation.sealed,
    Annotation.revealed_to_id,
    User.username,
    User.username_normalized,
    User.authority,
    User.nipsa,
    Group.pubid.label("group_pubid"),
    Group.authority.label("group_authority"),
    Group.authority_provided_id.label("group_authority_provided_id"),
    Group.readable_by,
)


_batch = prepared(
    select(*_COLUMNS)
    .join_from(Annotation, Group, Group.id == Annotation.group_id)
    .join(User, User.id == Annotation.user_id)
    .where(Annotation.id == any_(bindparam("ids", type_=UUIDArray())))
)


def read_batch(connection: Connection, ids: Collection[UUID]) -> Batch:
    """Return the current state of annotations, each id once, in one statement."""
    rows = connection.execute(_batch, {"ids": list(ids)}).mappings().all()
    gone = set(ids).difference([row["id"] for row in rows])
    removals = [Removal(row["id"], row["revision"]) for row in rows if row["deleted"]]
    return Batch(
        documents=tuple([_document(row) for row in rows if not row["deleted"]]),
        removals=(*removals, *[Removal(annotation_id, None) for annotation_id in sorted(gone)]),
    )


def _document(row: RowMapping) -> AnnotationDocument:
    return AnnotationDocument(
        id=row["id"],
        revision=row["revision"],
        user_id=row["user_id"],
        username_normalized=row["username_normalized"],
        authority=row["authority"],
        userid=make_userid(row["username"], row["authority"]),
        group_id=row["group_id"],
        group_pubid=row["group_pubid"],
        group_authority=row["group_authority"],
        group_authority_provided_id=row["group_authority_provided_id"],
        shared=row["shared"],
        hidden=row["moderation_status"] not in (None, ModerationStatus.APPROVED),
        world=row["readable_by"] == ReadableBy.WORLD,
        nipsa=row["nipsa"],
        created_us=(row["created"] - _EPOCH) // _MICROSECOND,
        updated_us=(row["updated"] - _EPOCH) // _MICROSECOND,
        target_uri=row["target_uri"],
        target_uri_normalized=row["target_uri_normalized"],
        target_uri_hash=row["target_uri_hash"],
        document_version=row["document_version"],
        references=tuple(row["references"]),
        quotes=quotes_of(row["target_selectors"]),
        tags=tuple(row["tags"]),
        text=row["text"],
        sealed=row["sealed"],
        revealed_to_id=row["revealed_to_id"],
    )


def quotes_of(target_selectors: str | None) -> tuple[str, ...]:
    """Return the quoted texts among the selectors, given as the JSON text that is stored; odd selectors have none."""
    if target_selectors is None:
        return ()
    selectors = _parsed(target_selectors)
    exacts = [
        selector.get("exact")
        for selector in (selectors if isinstance(selectors, list) else ())
        if isinstance(selector, dict) and selector.get("type") == "TextQuoteSelector"
    ]
    return tuple([_indexable(exact) for exact in exacts if isinstance(exact, str)])


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)  # escapes of half characters, which PostgreSQL's json keeps and orjson refuses


def _indexable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="ignore").decode()
