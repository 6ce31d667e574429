"""Every SELECT of annotations by id, and of the groups that they are written to.

Statements are built once: making one takes SQLAlchemy longer than PostgreSQL needs to answer it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import ReaderShape, readable_condition, reader_parameters, reader_shape, stand_in
from hcommon.db.prepared import prepared
from hcommon.events.annotations import AnnotationBefore
from hcommon.ids import InvalidGroupidError, split_groupid
from hcommon.models import Annotation, Group, GroupScope
from hcommon.presentation.annotation import annotation_columns, annotation_source
from hcommon.presentation.mention import MARK
from sqlalchemy import Connection, RowMapping, Select, and_, bindparam, func, select
from sqlalchemy.orm import Session

Statement = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class GroupRules:
    """What decides over writing to a group.

    Attributes:
        sealing: Whether it has checkpoints that keep annotations from its ordinary readers.
        scopes: URL prefixes outside of which annotations are refused; empty when they may be anywhere.
    """

    id: int
    pubid: str
    authority: str
    authority_provided_id: str | None
    readable_by: str
    writeable_by: str
    pre_moderated: bool
    sealing: bool
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Root:
    """The annotation that began a thread; it may be deleted.

    Attributes:
        document_version: None: unversioned.
    """

    group: GroupRules
    document_version: int | None


@dataclass(frozen=True, slots=True)
class Own:
    """An annotation as its author finds it before a change."""

    group: GroupRules
    target_uri: str


_scopes = (
    select(func.array_agg(GroupScope.origin + GroupScope.path))
    .where(GroupScope.group_id == Group.id, Group.enforce_scope)
    .scalar_subquery()
    .label("scopes")
)

_group_columns = (
    Group.id.label("group_id"),
    Group.pubid,
    Group.authority,
    Group.authority_provided_id,
    Group.readable_by,
    Group.writeable_by,
    Group.pre_moderated,
    Group.sealing,
    _scopes,
)


_group = select(*_group_columns)
_group_by_pubid = prepared(_group.where(Group.pubid == bindparam("pubid")))
_group_by_groupid = _group.where(
    Group.authority_provided_id == bindparam("authority_provided_id"), Group.authority == bindparam("of_authority")
)

_with_group = Annotation.__table__.join(Group.__table__, Group.id == Annotation.group_id)

_root = prepared(
    select(*_group_columns, Annotation.document_version)
    .select_from(_with_group)
    .where(Annotation.id == bindparam("annotation_id"))
)

IS_OWN: Final = and_(
    Annotation.id == bindparam("annotation_id"),
    Annotation.user_id == bindparam("author_id"),
    Annotation.deleted.is_(False),
)
"""Condition of an annotation of this author that is not deleted; parameters `annotation_id` and `author_id`."""

BEFORE_COLUMNS: Final = (
    Annotation.shared,
    Annotation.moderation_status,
    Annotation.document_id,
    Annotation.document_version,
    Annotation.target_uri_hash,
)
"""What `before_of` takes from a row."""

_own = prepared(select(*_group_columns, Annotation.target_uri).select_from(_with_group).where(IS_OWN))
_locked_own = (
    select(
        *BEFORE_COLUMNS,
        Annotation.extra,
        Annotation.target_uri,
        (func.strpos(Annotation.text, MARK) > 0).label("may_mention"),
    )
    .where(IS_OWN)
    .with_for_update(key_share=True)
)


def group(session: Session, *, name: str) -> GroupRules | None:
    """Return a group by pubid or groupid, or None."""
    try:
        authority_provided_id, authority = split_groupid(name)
    except InvalidGroupidError:
        row = _first(session, _group_by_pubid, pubid=name)
    else:
        row = _first(session, _group_by_groupid, authority_provided_id=authority_provided_id, of_authority=authority)
    return _rules(row) if row else None


def root(session: Session, *, annotation_id: UUID) -> Root | None:
    """Return what replies take from the root of their thread, or None if it never was or is purged."""
    row = _first(session, _root, annotation_id=annotation_id)
    return Root(group=_rules(row), document_version=row["document_version"]) if row else None


def own(session: Session, *, annotation_id: UUID, user_id: int) -> Own | None:
    """Return an annotation of this author that is not deleted, or None."""
    row = _first(session, _own, annotation_id=annotation_id, author_id=user_id)
    return Own(group=_rules(row), target_uri=row["target_uri"]) if row else None


def lock_own(session: Session, *, annotation_id: UUID, user_id: int) -> RowMapping | None:
    """Lock an annotation of this author, and return what a change starts from; None if it was deleted meanwhile."""
    return _first(session, _locked_own, annotation_id=annotation_id, author_id=user_id)


def before_of(row: RowMapping) -> AnnotationBefore:
    """Return what an event tells of a locked annotation before its change."""
    return AnnotationBefore(
        shared=row["shared"],
        moderation_status=row["moderation_status"],
        document_id=row["document_id"],
        document_version=row["document_version"],
        target_uri_hash=row["target_uri_hash"],
    )


def readable(connection: Connection | Session, *, annotation_id: UUID, principal: Principal) -> RowMapping | None:
    """Return one annotation as this principal may see it, or None."""
    statement = _readable(reader_shape(principal))
    return _first(connection, statement, annotation_id=annotation_id, **reader_parameters(principal))


@cache
def _readable(shape: ReaderShape) -> Statement:
    principal = stand_in(shape)
    return prepared(
        select(*annotation_columns(principal))
        .select_from(annotation_source())
        .where(Annotation.id == bindparam("annotation_id"), readable_condition(principal))
    )


def _first(connection: Connection | Session, statement: Statement, **parameters: Any) -> RowMapping | None:
    return connection.execute(statement, parameters).mappings().first()


def _rules(row: RowMapping) -> GroupRules:
    return GroupRules(
        id=row["group_id"],
        pubid=row["pubid"],
        authority=row["authority"],
        authority_provided_id=row["authority_provided_id"],
        readable_by=row["readable_by"],
        writeable_by=row["writeable_by"],
        pre_moderated=row["pre_moderated"],
        sealing=row["sealing"],
        scopes=tuple(row["scopes"] or ()),
    )
