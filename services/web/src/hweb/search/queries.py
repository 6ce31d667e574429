"""The SELECTs of a search: pages, rows that a backend proposed, replies."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import readable_condition
from hcommon.models import Annotation
from hcommon.presentation.annotation import annotation_columns, annotation_source
from hcommon.search import postgresql
from hcommon.search.query import SearchQuery
from sqlalchemy import ARRAY, ColumnElement, Connection, RowMapping, Select, any_, bindparam, select
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

ROWS: Final = postgresql.Selection(source=annotation_source, columns=annotation_columns)
"""Whole annotations, ready for `presentation`."""


def page(connection: Connection, query: SearchQuery, *, principal: Principal) -> postgresql.Page:
    """Return a page read's rows and total."""
    return postgresql.fetch_page(connection, query, principal=principal, selection=ROWS)


def by_ids(connection: Connection, ids: Sequence[UUID], *, principal: Principal) -> list[RowMapping]:
    """Return the annotations that a backend proposed, in its order, as far as the principal may see them now."""
    if not ids:
        return []
    statement = _readable(principal, Annotation.id == any_(_ids(ids)))
    found = {row["id"]: row for row in connection.execute(statement).mappings()}
    return [found[annotation_id] for annotation_id in ids if annotation_id in found]


def replies(connection: Connection, ids: Sequence[UUID], *, principal: Principal, limit: int) -> Sequence[RowMapping]:
    """Return the annotations that reply to any of these, directly or not, the last changed first, up to `limit`."""
    if not ids:
        return []
    order = (Annotation.updated.desc(), Annotation.id.desc())
    statement = _readable(principal, Annotation.references.overlap(_ids(ids))).order_by(*order).limit(limit)
    return connection.execute(statement).mappings().all()


def _readable(principal: Principal, condition: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    columns = annotation_columns(principal)
    return select(*columns).select_from(annotation_source()).where(condition, readable_condition(principal))


def _ids(ids: Sequence[UUID]) -> ColumnElement[Sequence[UUID]]:
    return bindparam(None, list(ids), ARRAY(PG_UUID()))
