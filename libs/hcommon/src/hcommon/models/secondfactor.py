"""The second factor of accounts that log in with a password: time-based codes, and codes for when those are lost."""

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class SecondFactor(Base):
    """An account whose log-in asks for a code; one that was set up but not confirmed has no row.

    Attributes:
        secret_encrypted: `KeyRing.encrypt("second-factor", …)` of the secret in Base32. It must be readable: codes are
            computed from it.
        last_step: The time step of the last code that was used; that one and those before it count no more.
    """

    __tablename__ = "second_factor"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    secret_encrypted: Mapped[LongText]
    last_step: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[Timestamp]


class RecoveryCode(Base):
    """A code that stands in for the second factor once; using it removes it.

    Attributes:
        code_hash: SHA-256: the code carries 80 random bits.
    """

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[IntKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("second_factor.user_id", ondelete="CASCADE"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
