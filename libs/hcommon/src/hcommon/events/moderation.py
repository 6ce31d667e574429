"""Events of flags, verdicts and shadow bans."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from hcommon.events.annotations import AnnotationEvent
from hcommon.events.base import Consumer, Event


class AnnotationFlagged(Event):
    """A reader reported an annotation to the moderators of its group, for the first time."""

    TYPE: ClassVar[str] = "annotation.flagged"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    annotation_id: UUID
    user_id: int


class AnnotationModerated(AnnotationEvent):
    """A moderator judged an annotation; `annotation.updated` of the same moment is for the index and sockets.

    `old_status` is APPROVED for a shared annotation that nobody had judged. `tell_author` is false for a verdict by
    the older `hide` and `unhide`, of which authors are not mailed.
    """

    TYPE: ClassVar[str] = "annotation.moderated"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    moderator_id: int
    old_status: str
    new_status: str
    tell_author: bool


class ShadowBanChanged(Event):
    """A user was shadow-banned, or let back in: search documents of all that the user wrote hold it.

    The worker has them indexed anew in pieces, and records the event again for what is left.

    Attributes:
        after_created: With `after_id`: the last annotation that was dealt with; None at the beginning.
    """

    TYPE: ClassVar[str] = "user.shadow_ban_changed"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    user_id: int
    after_created: datetime | None = None
    after_id: UUID | None = None
