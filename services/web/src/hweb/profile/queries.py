"""Every SELECT of the profile that isn't shared with the socket."""

from hcommon.models import User
from sqlalchemy import Connection, select


def email_of(connection: Connection, *, user_id: int) -> str | None:
    """Return a user's mail address, or None without one."""
    return connection.execute(select(User.email).where(User.id == user_id)).scalar()
