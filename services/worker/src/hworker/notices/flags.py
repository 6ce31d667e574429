"""Who is told that an annotation was reported: the moderators of its group, but not whoever reported it.

They cannot switch these mails off, and the mails repeat nothing of the annotation.
Source: specification of the API, section 7.2.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hcommon.auth import principal_of_user
from hcommon.models import Annotation, Flag, Group, GroupMembership, User
from hcommon.models.group import MODERATING_ROLES
from hcommon.presentation.links import LinkSettings
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from hworker.notices.recipients import can_be_mailed, seen_by

MOST_A_DAY: Final = 50
"""Reports of one reader within `DAY` that moderators are mailed; the rest stand in the group's list of reports."""

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FlagNotice:
    """What one moderator is told.

    Attributes:
        group: Its name.
        html_link: The annotation's page here; None for authors of another authority.
        incontext_link: The annotation on its page; None without `BOUNCER_URL`.
    """

    recipient_id: int
    email: str
    group: str
    html_link: str | None
    incontext_link: str | None


def recipients_of(connection: Connection | Session, *, annotation_id: UUID, flagger_id: int) -> list[int]:
    """Return the moderators of the annotation's group who can be mailed, in the order of their keys."""
    statement = (
        select(User.id)
        .join(GroupMembership, GroupMembership.user_id == User.id)
        .join(Annotation, Annotation.group_id == GroupMembership.group_id)
        .where(
            Annotation.id == annotation_id,
            Annotation.deleted.is_(False),
            Annotation.shared,
            GroupMembership.role.in_([role.value for role in MODERATING_ROLES]),
            User.id != flagger_id,
            can_be_mailed(),
        )
        .order_by(User.id)
    )
    return list(connection.execute(statement).scalars())


def reports_too_much(connection: Connection | Session, *, flagger_id: int, now: datetime) -> bool:
    """Return whether a reader has reported so much lately that no more is mailed."""
    lately = (Flag.user_id == flagger_id, Flag.created > now - DAY)
    count: int = connection.execute(select(func.count()).select_from(Flag).where(*lately)).scalar_one()
    return count > MOST_A_DAY


def find_notice(
    connection: Connection | Session, *, annotation_id: UUID, recipient_id: int, links: LinkSettings
) -> FlagNotice | None:
    """Return what to tell one of `recipients_of`; None for somebody who may not see the annotation.

    One that was declined already is of no interest any more.
    """
    recipient = principal_of_user(connection, recipient_id)
    seen = seen_by(connection, annotation_id=annotation_id, recipient=recipient, links=links)
    if seen is None:
        return None
    email, group = connection.execute(
        select(User.email, Group.name).join(Group, Group.id == seen.row["group_id"]).where(User.id == recipient_id)
    ).one()
    if email is None:
        return None
    return FlagNotice(
        recipient_id=recipient_id,
        email=email,
        group=group,
        html_link=seen.html_link,
        incontext_link=seen.incontext_link,
    )
