"""Events of user accounts and their sessions."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from hcommon.events.base import Consumer, Event


class UserRegistered(Event):
    """Somebody signed up; the account waits for activation by mail."""

    TYPE: ClassVar[str] = "user.registered"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int


class PasswordResetRequested(Event):
    """Somebody asked for a link to choose a new password."""

    TYPE: ClassVar[str] = "password_reset.requested"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int


class EmailChangeRequested(Event):
    """Somebody wants another address for their account, and has yet to prove that it is theirs.

    Attributes:
        email: The new address.
        old_email: The address then; None without one. The request is void once the account has another.
        password_changed_at: When the password had been changed last; likewise.
    """

    TYPE: ClassVar[str] = "email_change.requested"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int
    email: str
    old_email: str | None
    password_changed_at: datetime | None


class EmailChanged(Event):
    """An account has another address; whoever reads the old one should know.

    Attributes:
        old_email: Where mail went until now.
    """

    TYPE: ClassVar[str] = "email.changed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int
    old_email: str


class SecondFactorChange(StrEnum):
    """What happened to the second factor of an account."""

    TURNED_ON = "turned_on"
    TURNED_OFF = "turned_off"
    RECOVERY_CODE_USED = "recovery_code_used"


class SecondFactorChanged(Event):
    """Something happened to an account's second factor that its owner should hear of."""

    TYPE: ClassVar[str] = "second_factor.changed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int
    change: SecondFactorChange


class UserRenamed(Event):
    """An account has another name; what shows the name is brought up to date in pieces.

    Attributes:
        after: The last annotation of the piece before; None for the first piece.
    """

    TYPE: ClassVar[str] = "user.renamed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int
    after: UUID | None = None


class UserDeleted(Event):
    """An account was deleted; what belongs to it is removed in pieces."""

    TYPE: ClassVar[str] = "user.deleted"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int


class GrantRevoked(Event):
    """A grant ended by log-out, revocation or a changed password or address: its tokens and sockets end too."""

    TYPE: ClassVar[str] = "grant.revoked"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})

    grant_id: UUID
