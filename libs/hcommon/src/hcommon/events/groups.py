"""Events of groups and of who is in them."""

from typing import ClassVar

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
        readers_changed: Other people than before may read it, so what search knows of its annotations is out of date.
    """

    TYPE: ClassVar[str] = "group.updated"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WEBSOCKET, Consumer.WORKER})

    group_id: int
    readers_changed: bool = False
