"""What all notices have in common: who wants them, who may see the annotation, and that nobody is told twice."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from hcommon.auth import Principal
from hcommon.authz import ReaderClass, ReaderShape, can_read, reader_class, reader_parameters, reader_shape, stand_in
from hcommon.db.prepared import prepared
from hcommon.models import Annotation, MailReceipt, Notification, Subscription, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.notification import NotificationKind
from hcommon.presentation.annotation import annotation_columns, annotation_source, facts_of, present
from hcommon.presentation.links import LinkSettings
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

LONGEST_QUOTE: Final = 10_000
"""Characters of a text that a mail repeats."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An annotation as one recipient may be told of it.

    Attributes:
        row: Of `annotation_columns`.
        author: Display name or else username.
        text: Cut to what a mail repeats; empty while `pending`.
        pending: It waits for a moderator's decision, and the recipient is one: it may be pointed at, not repeated.
        html_link: The annotation's page here; None for authors of another authority.
        incontext_link: The thread on the annotated page; None without `BOUNCER_URL`.
    """

    row: RowMapping
    author: str
    text: str
    pending: bool
    html_link: str | None
    incontext_link: str | None


def seen_by(
    connection: Connection | Session, *, annotation_id: UUID, recipient: Principal, links: LinkSettings
) -> Seen | None:
    """Return a shared annotation as it may be mailed to somebody; None if it may not.

    What others may not see must not leave by mail either: of a pending annotation moderators are told, without its
    text, and of one that was declined nobody is. Its own author is shown it in any case.
    """
    values = {"annotation_id": annotation_id, **reader_parameters(recipient)}
    row = connection.execute(_annotation(reader_shape(recipient)), values).mappings().first()
    if row is None:
        return None
    facts = facts_of(row)
    reader = reader_class(recipient, facts)
    if reader is None or not can_read(recipient, facts):
        return None
    pending = facts.hidden and reader is not ReaderClass.AUTHOR
    if pending and (reader, facts.moderation_status) != (ReaderClass.MODERATOR, ModerationStatus.PENDING):
        return None
    shown = present(row, facts=facts, reader=reader, flagged=False, links=links)
    return Seen(
        row=row,
        author=row["display_name"] or row["username"],
        text="" if pending else quoted(row["text"]),
        pending=pending,
        html_link=shown["links"].get("html"),
        incontext_link=shown["links"].get("incontext"),
    )


# Built once for each kind of reader: making it takes SQLAlchemy longer than PostgreSQL needs to answer it.
@cache
def _annotation(shape: ReaderShape) -> Select[Any]:
    columns = annotation_columns(stand_in(shape))
    found = select(*columns).select_from(annotation_source()).where(Annotation.id == bindparam("annotation_id"))
    return prepared(found)


def wants(kind: NotificationKind) -> ColumnElement[bool]:
    """Return the condition that a `User` can be mailed, and has not switched this kind off."""
    switched_off = exists().where(
        Subscription.user_id == User.id, Subscription.kind == kind.value, Subscription.active.is_(False)
    )
    return and_(can_be_mailed(), ~switched_off)


def can_be_mailed() -> ColumnElement[bool]:
    """Return the condition that a `User` has an account and an address."""
    return and_(User.deleted.is_(False), User.email.is_not(None))


def claim(
    session: Session,
    *,
    recipient_id: int,
    annotation_id: UUID,
    sender_id: int,
    kind: NotificationKind,
    now: datetime,
) -> bool:
    """Take it on to tell somebody of an annotation, in the session's transaction; False when they were told before.

    Waits while another transaction is at the same notice.
    """
    row: dict[str, Any] = {
        "recipient_id": recipient_id,
        "annotation_id": annotation_id,
        "sender_id": sender_id,
        "kind": kind.value,
        "created": now,
    }
    inserted = insert(Notification).values(row).on_conflict_do_nothing().returning(Notification.id)
    return session.execute(inserted).first() is not None


def claim_event(session: Session, *, event_id: UUID, recipient_id: int, now: datetime) -> bool:
    """Take it on to tell somebody of an event, in the session's transaction; False when they were told before."""
    row = {"event_id": event_id, "recipient_id": recipient_id, "created": now}
    inserted = insert(MailReceipt).values(row).on_conflict_do_nothing().returning(MailReceipt.id)
    return session.execute(inserted).first() is not None


def quoted(text: str) -> str:
    """Return as much of a text as a mail repeats."""
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + " …"
