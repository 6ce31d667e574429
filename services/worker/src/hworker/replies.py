"""Who is told of a reply, and what there is to tell.

The author of the annotation replied to, when all of this holds: both annotations are there; the reply is shared, not
hidden, and its author is not shadow-banned; nobody is told of their own reply; the recipient has an address, has not
switched these mails off, and may read the reply.

Source: specification of the API, section 7.2; hidden and pending replies are left out on purpose, since their text
must not leave by mail before a moderator has seen it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hcommon.auth import Principal, principal_of_user
from hcommon.authz import can_read, reader_class
from hcommon.models import Annotation, Notification, Subscription, User
from hcommon.models.notification import NotificationKind
from hcommon.presentation.annotation import (
    LinkSettings,
    annotation_columns,
    annotation_source,
    facts_of,
    present,
)
from sqlalchemy import Connection, RowMapping, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

LONGEST_QUOTE = 10_000
"""Characters of a text that a mail repeats."""


@dataclass(frozen=True, slots=True)
class ReplyNotice:
    """What one recipient is told.

    Attributes:
        replier: Display name or else username.
        title: Of the document; None when it has none.
        html_link: The reply's page here; None for authors of another authority.
        incontext_link: The thread on the annotated page; None without `BOUNCER_URL`.
    """

    recipient_id: int
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


def find_notice(connection: Connection | Session, *, annotation_id: UUID, links: LinkSettings) -> ReplyNotice | None:
    """Return whom to tell of an annotation and what, as things stand now; None for nobody."""
    parent = _parent_of(connection, annotation_id)
    if parent is None:
        return None
    recipient = principal_of_user(connection, parent["user_id"])
    reply = _reply(connection, annotation_id, recipient)
    if reply is None or reply["user_id"] == recipient.user_id:
        return None
    shown = present(
        reply,
        facts=facts_of(reply),
        reader=reader_class(recipient, facts_of(reply)),  # type: ignore[arg-type]  # can_read: it is not None
        flagged=False,
        links=links,
    )
    return ReplyNotice(
        recipient_id=parent["user_id"],
        annotation_id=annotation_id,
        email=parent["email"],
        replier=reply["display_name"] or reply["username"],
        title=reply["document_title"],
        parent_text=_quote(parent["text"]),
        parent_created=parent["created"],
        reply_text=_quote(reply["text"]),
        reply_created=reply["created"],
        html_link=shown["links"].get("html"),
        incontext_link=shown["links"].get("incontext"),
    )


def claim(session: Session, *, notice: ReplyNotice, now: datetime) -> bool:
    """Take it on to tell the recipient, in the session's transaction; False when they were told before.

    Waits while another transaction is at the same notice.
    """
    row = {
        "recipient_id": notice.recipient_id,
        "annotation_id": notice.annotation_id,
        "kind": NotificationKind.REPLY.value,
        "created": now,
    }
    claimed = session.execute(
        insert(Notification).values(row).on_conflict_do_nothing().returning(Notification.id)
    ).first()
    return claimed is not None


def _parent_of(connection: Connection | Session, annotation_id: UUID) -> RowMapping | None:
    """Return the annotation replied to with its author's address, if the author may be written to."""
    references = connection.execute(select(Annotation.references).where(Annotation.id == annotation_id)).scalar()
    if not references:
        return None
    switched_off = exists().where(
        Subscription.user_id == User.id,
        Subscription.kind == NotificationKind.REPLY.value,
        Subscription.active.is_(False),
    )
    statement = (
        select(Annotation.user_id, Annotation.text, Annotation.created, User.email)
        .join(User, User.id == Annotation.user_id)
        .where(
            Annotation.id == references[-1],
            Annotation.deleted.is_(False),
            User.deleted.is_(False),
            User.email.is_not(None),
            ~switched_off,
        )
    )
    return connection.execute(statement).mappings().first()


def _reply(connection: Connection | Session, annotation_id: UUID, recipient: Principal) -> RowMapping | None:
    """Return the reply if it is fit to be mailed to the recipient."""
    statement = (
        select(*annotation_columns(recipient)).select_from(annotation_source()).where(Annotation.id == annotation_id)
    )
    row = connection.execute(statement).mappings().first()
    if row is None:
        return None
    facts = facts_of(row)
    # A private reply, or one whose author is shadow-banned, is readable by its author alone. A hidden one is readable
    # by moderators, who are not mailed it either.
    return row if can_read(recipient, facts) and not facts.hidden else None


def _quote(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + " …"
