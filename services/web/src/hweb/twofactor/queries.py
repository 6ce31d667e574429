"""Reads of the second factor."""

from hcommon.models import RecoveryCode, SecondFactor
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from hweb.twofactor.schemas import State, Stored


def state(connection: Connection, *, user_id: int) -> State | None:
    """Return what the owner may know of an account's second factor; None if it has none."""
    codes = select(func.count()).where(RecoveryCode.user_id == SecondFactor.user_id).scalar_subquery()
    row = connection.execute(select(SecondFactor.created, codes).where(SecondFactor.user_id == user_id)).first()
    return State(*row) if row else None


def locked(session: Session, *, user_id: int) -> Stored | None:
    """Return what codes are compared with, and keep others from using one until the transaction ends."""
    row = session.execute(
        select(SecondFactor.secret_encrypted, SecondFactor.last_step)
        .where(SecondFactor.user_id == user_id)
        .with_for_update()
    ).first()
    return Stored(*row) if row else None
