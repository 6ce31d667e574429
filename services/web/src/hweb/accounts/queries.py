"""Reads of the accounts feature."""

from hcommon.ids import normalize_username
from hcommon.models import User
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import Session

from hweb.accounts.schemas import Account

_columns = (
    User.id,
    User.username,
    User.email,
    User.password_hash,
    User.activated_at,
    User.admin,
    User.created,
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


def is_username_taken(connection: Connection | Session, *, username: str, authority: str) -> bool:
    """Tell whether an account has this name, a deleted one included."""
    same = (User.username_normalized == normalize_username(username), User.authority == authority)
    return connection.execute(select(User.id).where(*same)).first() is not None


def has_admin(connection: Connection | Session, *, authority: str) -> bool:
    """Tell whether somebody administers the site."""
    admins = select(User.id).where(User.admin, User.authority == authority, User.deleted.is_(False))
    return connection.execute(admins.limit(1)).first() is not None


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
