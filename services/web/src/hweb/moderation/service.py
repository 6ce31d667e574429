"""What moderators do with annotations: one function an action, each in the caller's transaction."""

from datetime import datetime
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from hcommon import outbox
from hcommon.auth import Principal
from hcommon.authz import can_moderate
from hcommon.errors import ErrorKind, HError
from hcommon.events.annotations import AnnotationUpdated
from hcommon.events.moderation import AnnotationModerated
from hcommon.models import Annotation, ModerationLog
from hcommon.models.annotation import ModerationStatus
from hcommon.presentation.annotation import facts_of
from sqlalchemy.orm import Session

from hweb.annotations.queries import before_of
from hweb.annotations.service import AnnotationNotFoundError
from hweb.moderation import queries
from hweb.moderation.schemas import Verdict

_table: Final = cast("sa.Table", Annotation.__table__)
_judge: Final = (
    sa.update(_table)
    .where(_table.c.id == sa.bindparam("annotation_id"))
    .values(revision=_table.c.revision + 1, moderation_status=sa.bindparam("new_status"))
    .returning(_table.c.revision)
)
_log: Final = sa.insert(cast("sa.Table", ModerationLog.__table__))


class StaleVerdictError(HError):
    """The moderator judged something that is not there any more."""

    kind = ErrorKind.CONFLICT


def judge(
    session: Session,
    *,
    moderator: Principal,
    annotation_id: UUID,
    verdict: Verdict,
    now: datetime,
    client_id: str | None = None,
) -> None:
    """Give an annotation a status, if it is still what the moderator saw; the same status changes nothing.

    Raises:
        AnnotationNotFoundError: There is none that the moderator may judge.
        StaleVerdictError: The annotation, or its status, was changed meanwhile.

    Source: specification of the API, section 1.12.
    """
    row = _judged(session, moderator, annotation_id)
    if row["updated"] != verdict.updated:
        raise StaleVerdictError("The annotation has been changed since you saw it.")
    status = _status_of(row)
    if verdict.seen_status is not None and verdict.seen_status != status != verdict.status:
        raise StaleVerdictError("The moderation status has been changed since you saw it.")
    _set(session, moderator, annotation_id, row, verdict.status, now=now, client_id=client_id, tell_author=True)


def set_status(
    session: Session,
    *,
    moderator: Principal,
    annotation_id: UUID,
    status: ModerationStatus,
    now: datetime,
    client_id: str | None = None,
) -> None:
    """Give an annotation a status, whatever it was; its author is not mailed of it.

    Raises:
        AnnotationNotFoundError: There is none that the moderator may judge.
    """
    row = _judged(session, moderator, annotation_id)
    _set(session, moderator, annotation_id, row, status, now=now, client_id=client_id, tell_author=False)


def _judged(session: Session, moderator: Principal, annotation_id: UUID) -> sa.RowMapping:
    row = queries.lock(session, annotation_id=annotation_id, principal=moderator)
    if row is None or not can_moderate(moderator, facts_of(row)):
        raise AnnotationNotFoundError("There is no such annotation.")
    return row


def _status_of(row: sa.RowMapping) -> str:
    return row["moderation_status"] or ModerationStatus.APPROVED.value


def _set(
    session: Session,
    moderator: Principal,
    annotation_id: UUID,
    row: sa.RowMapping,
    status: ModerationStatus,
    *,
    now: datetime,
    client_id: str | None,
    tell_author: bool,
) -> None:
    assert moderator.user_id is not None  # noqa: S101 - only users have roles
    old = _status_of(row)
    if status == old:
        return
    changed = {"annotation_id": annotation_id, "new_status": status.value}
    revision = session.execute(_judge, changed).scalar_one()
    session.execute(
        _log,
        {
            "annotation_id": annotation_id,
            "moderator_id": moderator.user_id,
            "old_status": row["moderation_status"],
            "new_status": status.value,
            "created": now,
        },
    )
    outbox.record(
        session,
        AnnotationUpdated(
            occurred_at=now,
            client_id=client_id,
            annotation_id=annotation_id,
            revision=revision,
            before=before_of(row),
        ),
    )
    outbox.record(
        session,
        AnnotationModerated(
            occurred_at=now,
            client_id=client_id,
            annotation_id=annotation_id,
            revision=revision,
            moderator_id=moderator.user_id,
            old_status=old,
            new_status=status.value,
            tell_author=tell_author,
        ),
    )
