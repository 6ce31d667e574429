"""Events of user accounts and their sessions."""

from typing import ClassVar
from uuid import UUID

from hcommon.events.base import Consumer, Event


class UserRegistered(Event):
    """Somebody signed up; the account waits for activation by mail."""

    TYPE: ClassVar[str] = "user.registered"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int


class GrantRevoked(Event):
    """A grant ended by log-out, revocation or a changed password: its tokens and sockets end too."""

    TYPE: ClassVar[str] = "grant.revoked"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})

    grant_id: UUID
