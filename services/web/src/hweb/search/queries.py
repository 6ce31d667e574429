"""The SELECTs of a search: pages, rows that a backend proposed, replies."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import ReaderShape, readable_condition, reader_parameters, reader_shape, stand_in
from hcommon.db.prepared import prepared
from hcommon.db.types import UUIDArray
from hcommon.models import Annotation
from hcommon.presentation.annotation import annotation_columns, annotation_source
from hcommon.search import postgresql
from hcommon.search.query import SearchQuery
from sqlalchemy import BigInteger, ColumnElement, Connection, RowMapping, Select, any_, bindparam, func, select
from sqlalchemy.orm import aliased

Statement = Select[*tuple[Any, ...]]

ROWS: Final = postgresql.Selection(source=annotation_source, columns=annotation_columns)
"""Whole annotations, ready for `presentation`."""


def page(connection: Connection, query: SearchQuery, *, principal: Principal) -> postgresql.Page:
    """Return a page read's rows and total."""
    return postgresql.fetch_page(connection, query, principal=principal, selection=ROWS)


def by_ids(connection: Connection, ids: Sequence[UUID], *, principal: Principal) -> list[RowMapping]:
    """Return the annotations that a backend proposed, in its order, as far as the principal may see them now."""
    if not ids:
        return []
    values = {"ids": ids, **reader_parameters(principal)}
    found = {row["id"]: row for row in connection.execute(_by_ids(reader_shape(principal)), values).mappings()}
    return [found[annotation_id] for annotation_id in ids if annotation_id in found]


def replies(connection: Connection, ids: Sequence[UUID], *, principal: Principal, limit: int) -> Sequence[RowMapping]:
    """Return the annotations that reply to any of these, directly or not, the last changed first, up to `limit`."""
    if not ids:
        return []
    values = {"ids": ids, "limit": limit, **reader_parameters(principal)}
    return connection.execute(_replies(reader_shape(principal)), values).mappings().all()


# Built once for each kind of reader: making one takes SQLAlchemy longer than PostgreSQL needs to answer it.
@cache
def _by_ids(shape: ReaderShape) -> Statement:
    return prepared(_readable(shape, Annotation.id == any_(_ids)))


@cache
def _replies(shape: ReaderShape) -> Statement:
    # Their ids first, from the index of references: in one step PostgreSQL, which cannot tell how few they are, may
    # rather go through all annotations in the order of their dates.
    reply = aliased(Annotation, name="reply")
    ids = func.array(select(reply.id).where(reply.references.overlap(_ids)).scalar_subquery())
    order = (Annotation.updated.desc(), Annotation.id.desc())
    found = _readable(shape, Annotation.id == any_(ids)).order_by(*order)
    return prepared(found.limit(bindparam("limit", type_=BigInteger())))


def _readable(shape: ReaderShape, condition: ColumnElement[bool]) -> Statement:
    principal = stand_in(shape)
    columns = annotation_columns(principal)
    return select(*columns).select_from(annotation_source()).where(condition, readable_condition(principal))


_ids: Final = bindparam("ids", type_=UUIDArray())
