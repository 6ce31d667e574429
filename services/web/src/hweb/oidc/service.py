"""Writes: accounts made of identities, and identities connected with accounts."""

from datetime import datetime

from hcommon.errors import ErrorKind, HError
from hcommon.models import User, UserIdentity
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.accounts import queries as accounts_queries
from hweb.accounts import service as accounts
from hweb.accounts.schemas import NewAccount
from hweb.accounts.service import SignUp, UsernameTakenError
from hweb.oidc import queries
from hweb.oidc.schemas import IdentityTakenError


class NoSuchIdentityError(HError):
    """The account is not connected with this."""

    kind = ErrorKind.NOT_FOUND


class LastWayInError(HError):
    """Without this identity nobody could log in to the account any more."""

    kind = ErrorKind.CONFLICT


def connect(session: Session, *, user_id: int, provider: str, subject: str, authority: str, now: datetime) -> None:
    """Connect an account with an identity; once is enough.

    Raises:
        IdentityTakenError: Another account has it.
    """
    values = {
        "user_id": user_id,
        "authority": authority,
        "provider": provider,
        "provider_unique_id": subject,
        "created": now,
    }
    added = insert(UserIdentity).values(values).on_conflict_do_nothing().returning(UserIdentity.id)
    if session.scalar(added) is not None:
        return
    owner = select(UserIdentity.user_id).where(
        UserIdentity.provider == provider,
        UserIdentity.provider_unique_id == subject,
        UserIdentity.authority == authority,
    )
    if session.scalar(owner) != user_id:
        raise IdentityTakenError("Another account is connected with this log-in already.")


def disconnect(
    session: Session, *, user_id: int, provider: str, subject: str, issuer: str, password_counts: bool
) -> None:
    """Part an account from an identity.

    Args:
        session: The caller's transaction.
        user_id: Whose account.
        provider: The identity's.
        subject: The identity's.
        issuer: The provider through which people log in today; identities of others are no way in.
        password_counts: Whether people log in with passwords.

    Raises:
        NoSuchIdentityError: There is nothing to part.
        LastWayInError: Nobody could log in to the account any more.
    """
    queries.lock_account(session, user_id=user_id)  # of two identities that are parted at once, one stays
    removed = delete(UserIdentity).where(
        UserIdentity.user_id == user_id,
        UserIdentity.provider == provider,
        UserIdentity.provider_unique_id == subject,
    )
    if session.scalar(removed.returning(UserIdentity.id)) is None:
        raise NoSuchIdentityError("Your account is not connected with this log-in.")
    has_password = session.scalar(select(User.password_hash.is_not(None)).where(User.id == user_id))
    if password_counts and has_password:
        return
    if not any(identity.provider == issuer for identity in queries.identities(session, user_id=user_id)):
        raise LastWayInError("This is the last way to log in to your account.")


def sign_up_verified(
    session: Session, *, new: NewAccount, provider: str, subject: str, authority: str, now: datetime
) -> int:
    """Create an active account whose mail address the provider has verified; return its key.

    An account that somebody made with the address and never activated loses it: it has proved nothing, and whoever
    made it would otherwise keep the address's owner out.

    Raises:
        UsernameTakenError: Somebody else has or had the name.
        EmailTakenError: An active account has the address.
        IdentityTakenError: Another account has the identity.
    """
    if accounts_queries.is_username_reserved(session, username=new.username, authority=authority, now=now):
        raise UsernameTakenError(f"There was an account named {new.username} lately.")
    unproved = (
        func.lower(User.email) == func.lower(new.email),
        User.authority == authority,
        User.activated_at.is_(None),
        User.deleted.is_(False),
    )
    session.execute(update(User).where(*unproved).values(email=None))
    user_id = accounts.create_account(session, new=new, password_hash=None, authority=authority, now=now)
    connect(session, user_id=user_id, provider=provider, subject=subject, authority=authority, now=now)
    return user_id


def sign_up(session: Session, *, new: NewAccount, provider: str, subject: str, authority: str, now: datetime) -> SignUp:
    """Register an account that waits for the mailed link, since the provider has not verified the address.

    Raises:
        IdentityTakenError: Another account has the identity.
    """
    outcome = accounts.sign_up(session, new=new, password_hash=None, authority=authority, now=now)
    if outcome is SignUp.REGISTERED:
        # Not so when it waits already: that account may be somebody else's.
        account = accounts_queries.by_username(session, username=new.username, authority=authority)
        assert account is not None  # noqa: S101 - it was inserted in this transaction
        connect(session, user_id=account.id, provider=provider, subject=subject, authority=authority, now=now)
    return outcome
