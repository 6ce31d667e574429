"""Every SELECT of the users API."""

from collections.abc import Collection
from dataclasses import dataclass

from hcommon.ids import normalize_username
from hcommon.models import User, UserIdentity
from sqlalchemy import ColumnElement, Connection, func, or_, select, tuple_
from sqlalchemy.orm import Session

from hweb.users.schemas import IdentityKey


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user as applications see it.

    Attributes:
        privileged: Administers the site, or is staff.
    """

    id: int
    username: str
    authority: str
    email: str | None
    display_name: str | None
    privileged: bool = False


def by_username(connection: Connection | Session, *, username: str, authority: str) -> FoundUser | None:
    """Return the live user of this name, however it is spelt."""
    row = (
        connection.execute(
            select(
                User.id,
                User.username,
                User.authority,
                User.email,
                User.display_name,
                or_(User.admin, User.staff).label("privileged"),
            ).where(
                User.username_normalized == normalize_username(username),
                User.authority == authority,
                User.deleted.is_(False),
            )
        )
        .mappings()
        .first()
    )
    return FoundUser(**row) if row else None


def is_username_taken(session: Session, *, username: str, authority: str, but_by: int | None = None) -> bool:
    """Tell whether another user has this name, a deleted one included."""
    return _is_anothers(session, User.username_normalized == normalize_username(username), authority, but_by)


def is_email_taken(session: Session, *, email: str, authority: str, but_by: int | None = None) -> bool:
    """Tell whether another user has this address, a deleted one included."""
    return _is_anothers(session, func.lower(User.email) == func.lower(email), authority, but_by)


def taken_identities(
    session: Session, *, identities: Collection[IdentityKey], authority: str, but_by: int | None = None
) -> list[IdentityKey]:
    """Return which of these identities are another user's of the authority, sorted."""
    if not identities:
        return []
    columns = (UserIdentity.provider, UserIdentity.provider_unique_id)
    rows = session.execute(
        select(*columns).where(
            UserIdentity.authority == authority,
            UserIdentity.user_id.is_distinct_from(but_by),
            tuple_(*columns).in_([tuple(identity) for identity in identities]),
        )
    )
    return sorted(IdentityKey(*row) for row in rows)


def _is_anothers(session: Session, condition: ColumnElement[bool], authority: str, but_by: int | None) -> bool:
    another = select(User.id).where(condition, User.authority == authority, User.id.is_distinct_from(but_by))
    return session.execute(another).first() is not None
