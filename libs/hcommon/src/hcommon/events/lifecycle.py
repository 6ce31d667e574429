"""Events of things that go away with all that hangs on them."""

from typing import ClassVar

from hcommon.events.base import Consumer, Event


class GroupDeleted(Event):
    """A group was deleted: nobody can read, write or join it any more; its annotations are removed in pieces."""

    TYPE: ClassVar[str] = "group.deleted"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    group_id: int
