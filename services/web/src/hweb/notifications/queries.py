"""Every SELECT of subscriptions."""

from hcommon.models import Subscription, User
from hcommon.models.notification import NotificationKind
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session


def choices(connection: Connection | Session, *, user_id: int) -> dict[NotificationKind, bool]:
    """Return which kinds of mail a user wants; what was never chosen is wanted."""
    rows = connection.execute(select(Subscription.kind, Subscription.active).where(Subscription.user_id == user_id))
    chosen = {row.kind: row.active for row in rows}
    return {kind: chosen.get(kind.value, True) for kind in NotificationKind}


def is_user(connection: Connection | Session, *, user_id: int) -> bool:
    """Tell whether there is such an account."""
    return connection.execute(select(User.id).where(User.id == user_id, User.deleted.is_(False))).first() is not None
