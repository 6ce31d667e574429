"""Writes of the second factor."""

from datetime import datetime
from typing import Final

from hcommon import outbox
from hcommon.crypto import KeyRing
from hcommon.events.accounts import SecondFactorChange, SecondFactorChanged
from hcommon.models import RecoveryCode, SecondFactor
from hcommon.tokens import hash_token
from sqlalchemy import delete, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.twofactor import codes, queries

SECRET_LABEL: Final = "second-factor"  # noqa: S105 - a label of keys
"""Under which the secrets are encrypted."""


def turn_on(
    session: Session, *, user_id: int, secret: str, step: int, keys: KeyRing, now: datetime
) -> list[str] | None:
    """Ask for a code at each log-in from now on; return the recovery codes, which are not kept, or None if it was on.

    Args:
        session: The caller's transaction.
        user_id: Whose account.
        secret: What the app was given.
        step: Time step of the code that proved it; that code counts no more.
        keys: What the secret is encrypted with.
        now: When.
    """
    row = {
        "user_id": user_id,
        "secret_encrypted": keys.encrypt(SECRET_LABEL, secret),
        "last_step": step,
        "created": now,
    }
    inserted = insert(SecondFactor).values(row).on_conflict_do_nothing().returning(SecondFactor.user_id)
    if session.scalar(inserted) is None:
        return None
    _tell(session, user_id=user_id, change=SecondFactorChange.TURNED_ON, now=now)
    return renew_recovery_codes(session, user_id=user_id)


def turn_off(session: Session, *, user_id: int, now: datetime) -> bool:
    """Let the password alone log in again; False if it did."""
    removed = delete(SecondFactor).where(SecondFactor.user_id == user_id).returning(SecondFactor.user_id)
    if session.scalar(removed) is None:
        return False
    _tell(session, user_id=user_id, change=SecondFactorChange.TURNED_OFF, now=now)
    return True


def renew_recovery_codes(session: Session, *, user_id: int) -> list[str]:
    """Void all recovery codes and return new ones, which are not kept."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    made = codes.new_recovery_codes()
    rows = [{"user_id": user_id, "code_hash": hash_token(codes.normalized(code))} for code in made]
    session.execute(plain_insert(RecoveryCode), rows)
    return made


def log_in(session: Session, *, user_id: int, code: str, keys: KeyRing, now: datetime) -> bool:
    """Tell whether a code completes a log-in, and have the owner told if it is a recovery code."""
    if not use_code(session, user_id=user_id, code=code, keys=keys, now=now):
        return False
    if not codes.is_of_app(codes.normalized(code)):
        _tell(session, user_id=user_id, change=SecondFactorChange.RECOVERY_CODE_USED, now=now)
    return True


def use_code(session: Session, *, user_id: int, code: str, keys: KeyRing, now: datetime) -> bool:
    """Tell whether this is a code of the app or a recovery code, and use it up.

    Of the app's codes, those up to the last that was used count no more.

    Raises:
        UndecryptableError: The secret was encrypted with a key that is not configured any more.
    """
    stored = queries.locked(session, user_id=user_id)
    if stored is None:
        return False
    given = codes.normalized(code)
    if not codes.is_of_app(given):
        mine = (RecoveryCode.user_id == user_id, RecoveryCode.code_hash == hash_token(given))
        return session.scalar(delete(RecoveryCode).where(*mine).returning(RecoveryCode.id)) is not None
    secret = keys.decrypt(SECRET_LABEL, stored.secret_encrypted)
    step = codes.matching_step(secret, given, now=now, after=stored.last_step)
    if step is None:
        return False
    # Encrypted anew each time, so that a key that was replaced is soon of no more use.
    used = {"last_step": step, "secret_encrypted": keys.encrypt(SECRET_LABEL, secret)}
    session.execute(update(SecondFactor).where(SecondFactor.user_id == user_id).values(used))
    return True


def _tell(session: Session, *, user_id: int, change: SecondFactorChange, now: datetime) -> None:
    outbox.record(session, SecondFactorChanged(occurred_at=now, user_id=user_id, change=change))
