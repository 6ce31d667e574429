"""What people choose about their mails."""

from collections.abc import Mapping

from hcommon.models import Subscription
from hcommon.models.notification import NotificationKind
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.notifications import queries


def choose(session: Session, *, user_id: int, choices: Mapping[NotificationKind, bool]) -> bool:
    """Record which kinds of mail a user wants from now on; other kinds stay as they are. False without the account."""
    if not queries.is_user(session, user_id=user_id):
        return False
    for kind, active in choices.items():
        row = {"user_id": user_id, "kind": kind.value, "active": active}
        session.execute(
            insert(Subscription)
            .values(row)
            .on_conflict_do_update(index_elements=["user_id", "kind"], set_={"active": active})
        )
    return True
