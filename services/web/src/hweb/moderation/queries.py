"""Every SELECT of moderation."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import ReaderShape, readable_condition, reader_parameters, reader_shape, stand_in
from hcommon.models import Annotation, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.presentation.annotation import annotation_columns, annotation_source
from sqlalchemy import BigInteger, Connection, DateTime, Integer, RowMapping, Text, bindparam, func, or_, select
from sqlalchemy.orm import Session

from hweb.annotations.queries import BEFORE_COLUMNS, Statement

_APPROVED: Final = ModerationStatus.APPROVED.value

_columns = (
    Annotation.user_id,
    Annotation.group_id,
    Annotation.deleted,
    Annotation.updated,
    Annotation.sealed,
    Annotation.revealed_to_id,
    User.nipsa,
    Group.readable_by,
    *BEFORE_COLUMNS,
)


def lock(session: Session, *, annotation_id: UUID, principal: Principal) -> RowMapping | None:
    """Lock an annotation that the principal may see, and return what a verdict starts from; None if there is none."""
    statement = _locked(reader_shape(principal))
    parameters = {"annotation_id": annotation_id, **reader_parameters(principal)}
    return session.execute(statement, parameters).mappings().first()


@lru_cache
def _locked(shape: ReaderShape) -> Statement:
    return (
        select(*_columns)
        .select_from(annotation_source())
        .where(Annotation.id == bindparam("annotation_id"), readable_condition(stand_in(shape)))
        .with_for_update(of=Annotation.__table__, key_share=True)
    )


def queue(
    connection: Connection,
    *,
    group_id: int,
    principal: Principal,
    status: ModerationStatus | None,
    before: datetime | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return a group's shared annotations and replies, the newest first; more than `limit` while dates are equal.

    Args:
        connection: Where to read.
        group_id: The group.
        principal: Who asks.
        status: Only those of this status; None for all. What was never judged is approved.
        before: Only those created before; None for the newest.
        limit: How many.
    """
    statement = _queue(reader_shape(principal), status, before is not None, False)  # noqa: FBT003 - a cache's key
    values = _parameters(group_id, principal) | {"before": before, "limit": limit}
    rows = connection.execute(statement, values).mappings().all()
    return sorted(rows, key=lambda row: (row["created"], row["id"]), reverse=True)


def queue_length(
    connection: Connection, *, group_id: int, principal: Principal, status: ModerationStatus | None
) -> int:
    """Return how many annotations `queue` has in all."""
    statement = _queue(reader_shape(principal), status, False, True)  # noqa: FBT003 - a cache's key
    found: int = connection.execute(statement, _parameters(group_id, principal)).scalar_one()
    return found


@lru_cache
def _queue(shape: ReaderShape, status: ModerationStatus | None, is_continued: bool, is_counted: bool) -> Statement:
    principal = stand_in(shape)
    columns = [func.count()] if is_counted else annotation_columns(principal)
    statement = (
        select(*columns)
        .select_from(annotation_source())
        .where(
            Annotation.group_id == bindparam("group_id", type_=BigInteger()),
            Annotation.shared,
            readable_condition(principal),
        )
    )
    if status is ModerationStatus.APPROVED:
        statement = statement.where(
            or_(Annotation.moderation_status.is_(None), Annotation.moderation_status == _APPROVED)
        )
    elif status is not None:
        statement = statement.where(Annotation.moderation_status == bindparam("status", status.value, Text()))
    if is_continued:
        statement = statement.where(Annotation.created < bindparam("before", type_=DateTime(timezone=True)))
    if is_counted:
        return statement
    # A cursor that is a bare date loses none of equal dates: the page takes all of its last one's.
    limit = bindparam("limit", type_=Integer())
    return statement.order_by(Annotation.created.desc()).fetch(limit, with_ties=True)


def _parameters(group_id: int, principal: Principal) -> dict[str, Any]:
    return {"group_id": group_id, **reader_parameters(principal)}
