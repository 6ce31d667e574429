"""Whether an author is told of a moderator's verdict, and what there is to tell.

Authors in groups whose annotations wait for approval are, of most changes, unless they judged themselves or switched
these mails off. The group may have a name and an address of its own for these mails.
Source: specification of the API, section 7.2.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hcommon.auth import principal_of_user
from hcommon.models import Annotation, Group, User
from hcommon.models.annotation import ModerationStatus as Status
from hcommon.models.notification import NotificationKind
from hcommon.presentation.links import LinkSettings
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from hworker.notices.recipients import seen_by, wants

TOLD: Final = frozenset(
    {
        (Status.PENDING, Status.APPROVED),
        (Status.PENDING, Status.DENIED),
        (Status.APPROVED, Status.PENDING),
        (Status.APPROVED, Status.DENIED),
        (Status.DENIED, Status.APPROVED),
        (Status.SPAM, Status.APPROVED),
    }
)
"""The changes of status, from and to, of which authors are told."""


@dataclass(frozen=True, slots=True)
class VerdictNotice:
    """What the author is told.

    Attributes:
        group: Its name.
        status: What the annotation is now.
        title: Of the document; None when it has none.
        reply_to: Where answers go; None for the site.
        sender_name: What the mail calls its sender; None for the site.
        html_link: The annotation's page here; None for authors of another authority.
        incontext_link: The annotation on its page; None without `BOUNCER_URL`.
    """

    recipient_id: int
    email: str
    group: str
    status: Status
    title: str | None
    text: str
    created: datetime
    reply_to: str | None
    sender_name: str | None
    html_link: str | None
    incontext_link: str | None


def find_notice(
    connection: Connection | Session,
    *,
    annotation_id: UUID,
    moderator_id: int | None,
    old_status: str,
    new_status: str,
    links: LinkSettings,
) -> VerdictNotice | None:
    """Return what to tell the author; None for nothing, also when another verdict has come since."""
    if (old_status, new_status) not in TOLD:
        return None
    row = (
        connection.execute(
            select(User.id, User.email, Group.name, Group.reply_to, Group.email_from_name)
            .join_from(Annotation, User, User.id == Annotation.user_id)
            .join(Group, Group.id == Annotation.group_id)
            .where(
                Annotation.id == annotation_id,
                Annotation.moderation_status == new_status,
                Group.pre_moderated,
                User.id.is_distinct_from(moderator_id),
                wants(NotificationKind.MODERATION),
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    author = principal_of_user(connection, row["id"])
    seen = seen_by(connection, annotation_id=annotation_id, recipient=author, links=links)
    if seen is None:
        return None
    return VerdictNotice(
        recipient_id=row["id"],
        email=row["email"],
        group=row["name"],
        status=Status(new_status),
        title=seen.row["document_title"],
        text=seen.text,
        created=seen.row["created"],
        reply_to=row["reply_to"],
        sender_name=row["email_from_name"],
        html_link=seen.html_link,
        incontext_link=seen.incontext_link,
    )
