"""Events of user accounts and their sessions."""

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
    """A grant ended by log-out, revocation or a changed password: its tokens and sockets end too."""

    TYPE: ClassVar[str] = "grant.revoked"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})

    grant_id: UUID
