"""Reads of the accounts feature."""

from datetime import datetime, timedelta
from typing import Final

from hcommon.ids import normalize_username
from hcommon.models import Annotation, SecondFactor, User, UserDeletion
from sqlalchemy import ColumnElement, Connection, exists, func, select
from sqlalchemy.orm import Session

from hweb.accounts.schemas import Account

RESERVED_AFTER_DELETION: Final = timedelta(days=31)
"""How long nobody can take the name of a deleted account."""

_columns = (
    User.id,
    User.username,
    User.email,
    User.password_hash,
    User.activated_at,
    User.admin,
    User.created,
    User.password_changed_at,
    exists().where(SecondFactor.user_id == User.id).label("second_factor"),
)


def by_login(connection: Connection | Session, *, login: str, authority: str) -> Account | None:
    """Return the account that signs in with this user name or, if it contains an `@`, e-mail address."""
    if "@" in login:
        return _one(connection, authority, func.lower(User.email) == func.lower(login))
    return by_username(connection, username=login, authority=authority)


def by_username(connection: Connection | Session, *, username: str, authority: str) -> Account | None:
    """Return the account of this name, however it is spelt."""
    return _one(connection, authority, User.username_normalized == normalize_username(username))


def by_id(connection: Connection | Session, *, user_id: int, authority: str) -> Account | None:
    """Return the account of this key."""
    return _one(connection, authority, User.id == user_id)


def locked_by_id(session: Session, *, user_id: int, authority: str) -> Account | None:
    """Return the account of this key, and keep others from changing it until the transaction ends."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
    return by_id(session, user_id=user_id, authority=authority)


def is_username_taken(connection: Connection | Session, *, username: str, authority: str) -> bool:
    """Tell whether an account has this name, a deleted one included."""
    same = (User.username_normalized == normalize_username(username), User.authority == authority)
    return connection.execute(select(User.id).where(*same)).first() is not None


def is_username_reserved(connection: Connection | Session, *, username: str, authority: str, now: datetime) -> bool:
    """Tell whether an account of this name was deleted so lately that nobody should be taken for it."""
    same = (UserDeletion.username_normalized == normalize_username(username), UserDeletion.authority == authority)
    recent = UserDeletion.requested_at > now - RESERVED_AFTER_DELETION
    return connection.execute(select(UserDeletion.id).where(*same, recent)).first() is not None


def annotation_count(connection: Connection | Session, *, user_id: int) -> int:
    """Return how many annotations a user has."""
    mine = (Annotation.user_id == user_id, Annotation.deleted.is_(False))
    count: int = connection.execute(select(func.count()).where(*mine)).scalar_one()
    return count


def has_admin(connection: Connection | Session, *, authority: str) -> bool:
    """Tell whether somebody administers the site."""
    admins = select(User.id).where(User.admin, User.authority == authority, User.deleted.is_(False))
    return connection.execute(admins.limit(1)).first() is not None


def is_last_admin(connection: Connection | Session, *, user_id: int, authority: str) -> bool:
    """Tell whether nobody but this user administers the site."""
    others = (User.admin, User.authority == authority, User.deleted.is_(False), User.id != user_id)
    return connection.execute(select(User.id).where(*others).limit(1)).first() is None


def listed(connection: Connection | Session, *, authority: str, limit: int) -> list[Account]:
    """Return the newest accounts, newest first."""
    rows = connection.execute(
        select(*_columns)
        .where(User.authority == authority, User.deleted.is_(False))
        .order_by(User.created.desc(), User.id.desc())
        .limit(limit)
    ).mappings()
    return [Account(**row) for row in rows]


def _one(connection: Connection | Session, authority: str, condition: ColumnElement[bool]) -> Account | None:
    found = (
        connection.execute(
            select(*_columns).where(condition, User.authority == authority, User.deleted.is_(False)).limit(1)
        )
        .mappings()
        .first()
    )
    return Account(**found) if found else None
