"""Writes of the accounts feature. Hashing is slow and is done before the transaction begins."""

from datetime import datetime
from enum import Enum
from typing import Final

from hcommon import outbox
from hcommon.errors import ErrorKind, HError
from hcommon.events.accounts import GrantRevoked, PasswordResetRequested, UserDeleted, UserRegistered, UserRenamed
from hcommon.ids import USER_PUBID_LENGTH, new_pubid, normalize_username
from hcommon.models import AuthzCode, Grant, User, UserDeletion, UserIdentity, UserRename
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.accounts import queries
from hweb.accounts.schemas import NewAccount

_ADMIN_LOCK: Final = 0x68_61_64_6D  # any number of our own

GRANT_SOURCE_DEVELOPER: Final = "developer"

COMMAND: Final = "h"
"""Who asked, when it was the command."""


class UsernameTakenError(HError):
    """An account has this name, or one that differs in dots and case only."""

    kind = ErrorKind.CONFLICT


class EmailTakenError(HError):
    """An account has this address."""

    kind = ErrorKind.CONFLICT


class AdminExistsError(HError):
    """The link for the first administrator is of no use any more."""

    kind = ErrorKind.NOT_FOUND


class SignUp(Enum):
    """How a sign-up ended."""

    REGISTERED = "registered"
    PENDING = "pending"
    USERNAME_TAKEN = "username_taken"
    EMAIL_IN_USE = "email_in_use"


def sign_up(session: Session, *, new: NewAccount, password_hash: str | None, authority: str, now: datetime) -> SignUp:
    """Register an account that waits for activation; the worker mails the link.

    The same form sent twice is one registration: the second is `PENDING` and changes nothing.
    """
    if queries.is_username_reserved(session, username=new.username, authority=authority, now=now):
        return SignUp.USERNAME_TAKEN
    user_id = _insert(session, new=new, password_hash=password_hash, authority=authority, now=now)
    if user_id is not None:
        outbox.record(session, UserRegistered(occurred_at=now, user_id=user_id))
        return SignUp.REGISTERED
    account = queries.by_username(session, username=new.username, authority=authority)
    if account and account.activated_at is None and (account.email or "").lower() == new.email.lower():
        return SignUp.PENDING
    if queries.is_username_taken(session, username=new.username, authority=authority):
        return SignUp.USERNAME_TAKEN
    return SignUp.EMAIL_IN_USE


def send_activation_again(session: Session, *, user_id: int, now: datetime) -> None:
    """Have the activation link mailed once more."""
    outbox.record(session, UserRegistered(occurred_at=now, user_id=user_id))


def activate(session: Session, *, user_id: int, now: datetime) -> None:
    """Activate an account; one that is active stays as it is."""
    session.execute(update(User).where(User.id == user_id, User.activated_at.is_(None)).values(activated_at=now))


def create_account(
    session: Session, *, new: NewAccount, password_hash: str | None, authority: str, now: datetime, admin: bool = False
) -> int:
    """Create an active account on behalf of those who run the site, or whom they trust; return its key.

    Raises:
        UsernameTakenError: The name is in use.
        EmailTakenError: The address is in use.
    """
    user_id = _insert(
        session, new=new, password_hash=password_hash, authority=authority, now=now, activated_at=now, admin=admin
    )
    if user_id is not None:
        return user_id
    if queries.is_username_taken(session, username=new.username, authority=authority):
        raise UsernameTakenError(f"There is an account named {new.username} already.")
    raise EmailTakenError(f"There is an account with the address {new.email} already.")


def create_first_admin(session: Session, *, new: NewAccount, password_hash: str, authority: str, now: datetime) -> int:
    """Create the administrator of a site that has none; return the key.

    Raises:
        AdminExistsError: Somebody was faster.
        UsernameTakenError: The name is in use.
        EmailTakenError: The address is in use.
    """
    session.execute(select(func.pg_advisory_xact_lock(_ADMIN_LOCK)))
    if queries.has_admin(session, authority=authority):
        raise AdminExistsError("This site has an administrator already.")
    return create_account(session, new=new, password_hash=password_hash, authority=authority, now=now, admin=True)


def set_admin(session: Session, *, user_id: int, admin: bool) -> None:
    """Give or take the right to administer the site."""
    session.execute(update(User).where(User.id == user_id).values(admin=admin))


def set_staff(session: Session, *, user_id: int, staff: bool) -> None:
    """Give or take the right to use the harmless pages for administrators."""
    session.execute(update(User).where(User.id == user_id).values(staff=staff))


def replace_password_hash(session: Session, *, user_id: int, old: str, new: str) -> None:
    """Store the same password under today's parameters, unless it was changed meanwhile."""
    session.execute(update(User).where(User.id == user_id, User.password_hash == old).values(password_hash=new))


def set_password(session: Session, *, user_id: int, password_hash: str, now: datetime) -> None:
    """Set a new password. All log-ins through OAuth end; developer tokens, made for programs, stay.

    The caller also ends the browser sessions (`SessionStore.end_all`).
    """
    session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash, password_changed_at=now))
    end_grants(session, user_id=user_id, now=now, keep_developer=True)


def request_password_reset(session: Session, *, user_id: int, now: datetime) -> None:
    """Have a link mailed with which to choose a new password."""
    outbox.record(session, PasswordResetRequested(occurred_at=now, user_id=user_id))


def reset_password(session: Session, *, user_id: int, password_hash: str, now: datetime) -> None:
    """Set the password of somebody who followed the mailed link, which also proves the address.

    The caller also ends the browser sessions (`SessionStore.end_all`).
    """
    set_password(session, user_id=user_id, password_hash=password_hash, now=now)
    activate(session, user_id=user_id, now=now)


def mark_deleted(session: Session, *, user_id: int, now: datetime, requested_by: str = COMMAND) -> None:
    """Mark an account as deleted and end all of its grants; what it wrote is removed by the worker.

    The caller also ends the browser sessions (`SessionStore.end_all`).

    Args:
        session: The caller's transaction.
        user_id: Whose account; one that is deleted stays as it is.
        now: When.
        requested_by: Userid, or `COMMAND`.
    """
    mark = update(User).where(User.id == user_id, User.deleted.is_(False)).values(deleted=True)
    user = session.execute(mark.returning(User.username, User.username_normalized, User.authority)).first()
    if user is None:
        return
    session.add(
        UserDeletion(
            user_id=user_id,
            username=user.username,
            username_normalized=user.username_normalized,
            authority=user.authority,
            requested_by=requested_by,
            requested_at=now,
            annotations=queries.annotation_count(session, user_id=user_id),
        )
    )
    # Whoever it was may come again, with another account, before this one's row is gone.
    session.execute(delete(UserIdentity).where(UserIdentity.user_id == user_id))
    end_grants(session, user_id=user_id, now=now, keep_developer=False)
    outbox.record(session, UserDeleted(occurred_at=now, user_id=user_id))


def rename(session: Session, *, user_id: int, username: str, now: datetime, requested_by: str = COMMAND) -> None:
    """Give an account another name, at once; the index and open pages follow.

    Args:
        session: The caller's transaction.
        user_id: Whose account.
        username: The new name; a form of it that differs in dots and case only is allowed.
        now: When.
        requested_by: Userid, or `COMMAND`.

    Raises:
        UsernameTakenError: Somebody else has or had it.
    """
    old = session.execute(select(User.username, User.authority).where(User.id == user_id).with_for_update()).one()
    normalized = normalize_username(username)
    same = (User.username_normalized == normalized, User.authority == old.authority, User.id != user_id)
    if session.execute(select(User.id).where(*same)).first() or queries.is_username_reserved(
        session, username=username, authority=old.authority, now=now
    ):
        raise UsernameTakenError(f"There is or was an account named {username} already.")
    session.execute(update(User).where(User.id == user_id).values(username=username, username_normalized=normalized))
    session.add(
        UserRename(
            user_id=user_id,
            authority=old.authority,
            old_username=old.username,
            new_username=username,
            requested_by=requested_by,
            requested_at=now,
        )
    )
    outbox.record(session, UserRenamed(occurred_at=now, user_id=user_id))


def end_grants(session: Session, *, user_id: int, now: datetime, keep_developer: bool) -> None:
    """End a user's grants with their tokens and sockets, and those to come of codes that were not exchanged yet."""
    session.execute(delete(AuthzCode).where(AuthzCode.user_id == user_id))
    ended = delete(Grant).where(Grant.user_id == user_id)
    if keep_developer:
        ended = ended.where(Grant.source != GRANT_SOURCE_DEVELOPER)
    for grant_id in session.scalars(ended.returning(Grant.id)).all():
        outbox.record(session, GrantRevoked(occurred_at=now, grant_id=grant_id))


def end_grants_of_browser(session: Session, *, browser_session: str, user_id: int, now: datetime) -> None:
    """End the log-ins of the sidebar that were made in a browser session, with their sockets and unused codes."""
    session.execute(delete(AuthzCode).where(AuthzCode.user_id == user_id, AuthzCode.browser_session == browser_session))
    ended = delete(Grant).where(Grant.user_id == user_id, Grant.browser_session == browser_session)
    for grant_id in session.scalars(ended.returning(Grant.id)).all():
        outbox.record(session, GrantRevoked(occurred_at=now, grant_id=grant_id))


def _insert(
    session: Session,
    *,
    new: NewAccount,
    password_hash: str | None,
    authority: str,
    now: datetime,
    activated_at: datetime | None = None,
    admin: bool = False,
) -> int | None:
    """Insert an account; None if its name or address is in use, also by a transaction that has just committed."""
    inserted: int | None = session.scalar(
        insert(User)
        .values(
            pubid=new_pubid(USER_PUBID_LENGTH),
            username=new.username,
            username_normalized=normalize_username(new.username),
            authority=authority,
            email=new.email or None,
            password_hash=password_hash,
            admin=admin,
            created=now,
            activated_at=activated_at,
            privacy_accepted_at=now if new.privacy_accepted else None,
            comms_opt_in=new.comms_opt_in,
        )
        .on_conflict_do_nothing()
        .returning(User.id)
    )
    return inserted
