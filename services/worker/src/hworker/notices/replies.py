"""Who is told of a reply, and what there is to tell.

The author of the annotation replied to, when all of this holds: both annotations are there; the reply is shared and
its author is not shadow-banned; nobody is told of their own reply, nor of one that mentions them, since they are told
of that; the recipient has an address, has not switched these mails off, and may see the reply; and the replier has not
caused too many mails already.

Source: specification of the API, section 7.2.
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
from sqlalchemy import Connection, RowMapping, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from hworker.notices.recipients import claim as claim_notice
from hworker.notices.recipients import quoted, seen_by, wants

MOST_A_DAY_TO_ONE: Final = 50
"""Mails that one person's replies cause to another within `DAY`: the rest of so long a talk is read in its place."""

MOST_A_DAY: Final = 500
"""Mails that one person's annotations cause within `DAY` before replies are no longer mailed.

Tasks that run at the same moment may overstep either by one each.
"""

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReplyNotice:
    """What one recipient is told.

    Attributes:
        replier: Display name or else username.
        title: Of the document; None when it has none.
        pending: The reply waits for a decision of moderators, of whom the recipient is one; its text is not told.
        html_link: The reply's page here; None for authors of another authority.
        incontext_link: The thread on the annotated page; None without `BOUNCER_URL`.
    """

    recipient_id: int
    replier_id: int
    annotation_id: UUID
    email: str
    replier: str
    title: str | None
    parent_text: str
    parent_created: datetime
    reply_text: str
    reply_created: datetime
    html_link: str | None
    incontext_link: str | None
    pending: bool = False


def find_notice(connection: Connection | Session, *, annotation_id: UUID, links: LinkSettings) -> ReplyNotice | None:
    """Return whom to tell of an annotation and what, as things stand now; None for nobody."""
    parent = _parent_of(connection, annotation_id)
    if parent is None:
        return None
    recipient = principal_of_user(connection, parent["user_id"])
    reply = seen_by(connection, annotation_id=annotation_id, recipient=recipient, links=links)
    if reply is None or not reply.row["shared"] or reply.row["user_id"] == recipient.user_id:
        return None
    return ReplyNotice(
        recipient_id=parent["user_id"],
        replier_id=reply.row["user_id"],
        annotation_id=annotation_id,
        email=parent["email"],
        replier=reply.author,
        title=reply.row["document_title"],
        parent_text=quoted(parent["text"]),
        parent_created=parent["created"],
        reply_text=reply.text,
        reply_created=reply.row["created"],
        html_link=reply.html_link,
        incontext_link=reply.incontext_link,
        pending=reply.pending,
    )


def claim(session: Session, *, notice: ReplyNotice, limited: bool, now: datetime) -> bool:
    """Take it on to tell the recipient, in the session's transaction; False when told before or at a limit."""
    if limited and _causes_too_many(session, notice, now=now):
        return False
    return claim_notice(
        session,
        recipient_id=notice.recipient_id,
        annotation_id=notice.annotation_id,
        sender_id=notice.replier_id,
        kind=NotificationKind.REPLY,
        now=now,
    )


def _causes_too_many(session: Session, notice: ReplyNotice, *, now: datetime) -> bool:
    caused = select(func.count(), func.count().filter(Notification.recipient_id == notice.recipient_id)).where(
        Notification.sender_id == notice.replier_id, Notification.created > now - DAY
    )
    of_replier, to_recipient = session.execute(caused).one()
    too_many: bool = of_replier >= MOST_A_DAY or to_recipient >= MOST_A_DAY_TO_ONE
    return too_many


# Built and planned once: every reply is asked about, by whoever sees it first and by whoever mails it.
_parent: Final = aliased(Annotation, name="parent")
_told_of_mention: Final = and_(
    exists().where(Mention.annotation_id == Annotation.id, Mention.user_id == User.id),
    wants(NotificationKind.MENTION),
)
_parent_to_be_told: Final = prepared(
    select(_parent.user_id, _parent.text, _parent.created, User.email)
    .select_from(Annotation)
    .join(_parent, _parent.id == Annotation.references[func.cardinality(Annotation.references)])
    .join(User, User.id == _parent.user_id)
    .where(
        Annotation.id == bindparam("annotation_id"),
        _parent.deleted.is_(False),
        wants(NotificationKind.REPLY),
        ~_told_of_mention,
    )
)


def _parent_of(connection: Connection | Session, annotation_id: UUID) -> RowMapping | None:
    """Return the annotation replied to with its author's address, if the author is to be told of replies."""
    return connection.execute(_parent_to_be_told, {"annotation_id": annotation_id}).mappings().first()
