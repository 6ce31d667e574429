"""Shadow bans: only the banned user still sees what the user wrote ("NIPSA", not in public site areas)."""

from collections.abc import Sequence
from datetime import datetime

from hcommon import outbox
from hcommon.events.moderation import ShadowBanChanged
from hcommon.ids import make_userid
from hcommon.models import User
from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session


def set_shadow_ban(session: Session, *, user_id: int, banned: bool, now: datetime) -> bool:
    """Ban a user or let the user back in; return False if that changes nothing.

    Reads follow at once, the search index as soon as the indexer has written all that the user wrote.
    """
    changed = update(User).where(User.id == user_id, User.nipsa.is_(not banned)).values(nipsa=banned)
    if session.scalar(changed.returning(User.id)) is None:
        return False
    outbox.record(session, ShadowBanChanged(occurred_at=now, user_id=user_id))
    return True


def shadow_banned(connection: Connection) -> Sequence[str]:
    """Return the userids of all who are banned, in order."""
    banned = select(User.username, User.authority).where(User.nipsa, User.deleted.is_(False))
    rows = connection.execute(banned).all()
    return sorted([make_userid(row.username, row.authority) for row in rows])
