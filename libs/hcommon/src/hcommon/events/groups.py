"""Events of groups and of who is in them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from hcommon.events.base import Consumer, Event


class MembershipEvent(Event):
    """Something happened to one user's place in one group."""

    group_id: int
    user_id: int


class MembershipCreated(MembershipEvent):
    """A user joined a group or was put into it; the creator of a group too."""

    TYPE: ClassVar[str] = "membership.created"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})


class MembershipChanged(MembershipEvent):
    """A member got another role."""

    TYPE: ClassVar[str] = "membership.changed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})


class MembershipDeleted(MembershipEvent):
    """A member left a group or was removed from it."""

    TYPE: ClassVar[str] = "membership.deleted"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})


class GroupUpdated(Event):
    """A group got another name, another type or other scopes.

    Attributes:
        readers_changed: Other people than before may read it.
    """

    TYPE: ClassVar[str] = "group.updated"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET})

    group_id: int
    readers_changed: bool = False


class GroupReadersChanged(Event):
    """Other people than before may read a group, which the search documents of all its annotations hold.

    The worker has these written anew in pieces, and records this event again for each further piece.

    Attributes:
        after_created: When the last annotation of the piece before was created; None for the first piece.
        after_id: That annotation; None for the first piece.
    """

    TYPE: ClassVar[str] = "group.readers_changed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    group_id: int
    after_created: datetime | None = None
    after_id: UUID | None = None
