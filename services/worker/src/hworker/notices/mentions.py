"""Who is told of a mention, and what there is to tell.

Everybody whom a shared annotation mentions, when all of this holds: it is not themselves; they have an address, have
not switched these mails off, were not told of the annotation before, and may see it; and neither the annotation nor
its author has caused too many mails already.

Source: specification of the API, sections 7.2 and 7.3.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hcommon.auth import principal_of_user
from hcommon.db.prepared import prepared
from hcommon.models import Annotation, Mention, Notification, User
from hcommon.models.notification import NotificationKind
from hcommon.presentation.links import LinkSettings
from sqlalchemy import Connection, bindparam, exists, func, select
from sqlalchemy.orm import Session

from hworker.notices.recipients import claim as claim_notice
from hworker.notices.recipients import seen_by, wants

MOST_AN_ANNOTATION: Final = 100
"""People who are ever told of one annotation, however often its mentions change."""

MOST_A_DAY: Final = 100
"""Mails that one author's annotations cause within `DAY` before mentions are no longer mailed.

Tasks that run at the same moment may overstep it by one each.
"""

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MentionNotice:
    """What one recipient is told.

    Attributes:
        author: Display name or else username.
        title: Of the document; None when it has none.
        text: The annotation's; empty while `pending`.
        pending: It waits for a decision of moderators, of whom the recipient is one.
        html_link: The annotation's page here; None for authors of another authority.
        incontext_link: The annotation on its page; None without `BOUNCER_URL`.
    """

    recipient_id: int
    author_id: int
    annotation_id: UUID
    email: str
    author: str
    title: str | None
    text: str
    created: datetime
    html_link: str | None
    incontext_link: str | None
    pending: bool = False


# Built and planned once: every new annotation is asked about.
_told = exists().where(Notification.annotation_id == Annotation.id, Notification.recipient_id == User.id)
_recipients = prepared(
    select(User.id)
    .join(Mention, Mention.user_id == User.id)
    .join(Annotation, Annotation.id == Mention.annotation_id)
    .where(
        Annotation.id == bindparam("annotation_id"),
        Annotation.deleted.is_(False),
        Annotation.shared,
        User.id != Annotation.user_id,
        wants(NotificationKind.MENTION),
        ~_told,
    )
    .order_by(Mention.id)
)


def recipients_of(connection: Connection | Session, *, annotation_id: UUID) -> list[int]:
    """Return the users whom an annotation mentions and who are still to be told, in the order of its text."""
    return list(connection.execute(_recipients, {"annotation_id": annotation_id}).scalars())


def find_notice(
    connection: Connection | Session, *, annotation_id: UUID, recipient_id: int, links: LinkSettings
) -> MentionNotice | None:
    """Return what to tell one of `recipients_of`, as things stand now; None for nothing."""
    email = connection.execute(
        select(User.email).where(User.id == recipient_id, wants(NotificationKind.MENTION))
    ).scalar()
    if email is None:
        return None
    recipient = principal_of_user(connection, recipient_id)
    seen = seen_by(connection, annotation_id=annotation_id, recipient=recipient, links=links)
    if seen is None or not seen.row["shared"]:
        return None
    return MentionNotice(
        recipient_id=recipient_id,
        author_id=seen.row["user_id"],
        annotation_id=annotation_id,
        email=email,
        author=seen.author,
        title=seen.row["document_title"],
        text=seen.text,
        created=seen.row["created"],
        html_link=seen.html_link,
        incontext_link=seen.incontext_link,
        pending=seen.pending,
    )


def claim(session: Session, *, notice: MentionNotice, now: datetime) -> bool:
    """Take it on to tell the recipient, in the session's transaction; False when told before or at a limit."""
    counts = select(
        select(func.count()).where(Notification.annotation_id == notice.annotation_id).scalar_subquery(),
        select(func.count())
        .where(Notification.sender_id == notice.author_id, Notification.created > now - DAY)
        .scalar_subquery(),
    )
    of_annotation, of_author = session.execute(counts).one()
    if of_annotation >= MOST_AN_ANNOTATION or of_author >= MOST_A_DAY:
        return False
    return claim_notice(
        session,
        recipient_id=notice.recipient_id,
        annotation_id=notice.annotation_id,
        sender_id=notice.author_id,
        kind=NotificationKind.MENTION,
        now=now,
    )
