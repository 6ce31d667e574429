"""What applications do with users; each function works in the caller's transaction."""

from datetime import datetime

from hcommon.errors import ErrorKind, HError
from hcommon.ids import USER_PUBID_LENGTH, new_pubid, normalize_username
from hcommon.models import User, UserIdentity
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hweb.users import queries
from hweb.users.queries import FoundUser
from hweb.users.schemas import NewUser


class UserConflictError(HError):
    """Another user of the authority has what must be one's own."""

    kind = ErrorKind.CONFLICT


class UserNotFoundError(HError):
    """The application's authority has no such user."""

    kind = ErrorKind.NOT_FOUND


def create(session: Session, *, new: NewUser, authority: str, now: datetime) -> FoundUser:
    """Create a user who needs no activation and has no password: the application vouches for it.

    Raises:
        UserConflictError: Its name, address or an identity is taken; the reason names all that are.
    """
    values = {
        "pubid": new_pubid(USER_PUBID_LENGTH),
        "username": new.username,
        "username_normalized": normalize_username(new.username),
        "authority": authority,
        "email": new.email,
        "display_name": new.display_name,
        "created": now,
        "activated_at": now,
    }
    # Inserting without looking first: whoever commits at the same moment is seen too.
    user_id = session.scalar(insert(User).values(values).on_conflict_do_nothing().returning(User.id))
    if user_id is None:
        raise _conflict(session, new=new, authority=authority)
    if new.identities:
        rows = [
            {"user_id": user_id, "authority": authority, "created": now} | identity._asdict()
            for identity in new.identities
        ]
        stored = session.scalars(
            insert(UserIdentity).values(rows).on_conflict_do_nothing().returning(UserIdentity.id)
        ).all()
        if len(stored) < len(rows):
            raise _conflict(session, new=new, authority=authority, created=user_id)
    return FoundUser(user_id, new.username, authority, new.email, new.display_name)


def change(session: Session, *, username: str, authority: str, changes: dict[str, str]) -> FoundUser:
    """Change a user and return what it is then.

    Raises:
        UserNotFoundError: The authority has no such user, or it is one of those who run the site.
        UserConflictError: Another one has the address.
    """
    user = queries.by_username(session, username=username, authority=authority)
    if user is None:
        raise UserNotFoundError("There is no such user.")
    if not changes:
        return user
    if user.privileged:
        # Whoever can set an account's address can set its password too.
        raise UserNotFoundError("The accounts of those who run the site are not for applications to change.")
    email = changes.get("email")
    if email is not None and queries.is_email_taken(session, email=email, authority=authority, but_by=user.id):
        raise UserConflictError(_taken_email(email))
    try:
        session.execute(update(User).where(User.id == user.id).values(changes))
    except IntegrityError as error:  # somebody took the address after we looked
        raise UserConflictError(_taken_email(email or "")) from error
    changed = queries.by_username(session, username=username, authority=authority)
    assert changed is not None  # noqa: S101 - its row is locked by our update
    return changed


def _conflict(session: Session, *, new: NewUser, authority: str, created: int | None = None) -> UserConflictError:
    """Return the error that names everything that another user has than the one just created."""
    problems = []
    if queries.is_username_taken(session, username=new.username, authority=authority, but_by=created):
        problems.append(f"user with username {new.username} already exists")
    if new.email and queries.is_email_taken(session, email=new.email, authority=authority, but_by=created):
        problems.append(_taken_email(new.email))
    taken = queries.taken_identities(session, identities=new.identities, authority=authority, but_by=created)
    problems.extend(
        f"user with provider {identity.provider} and unique id {identity.provider_unique_id} already exists"
        for identity in taken
    )
    return UserConflictError(", ".join(problems) or "such a user already exists")


def _taken_email(email: str) -> str:
    return f"user with email address {email} already exists"
