"""What follows from flags and verdicts."""

from hcommon.events.moderation import AnnotationFlagged, AnnotationModerated

from hworker.app import TaskQueue
from hworker.context import Context


def on_annotation_flagged(event: AnnotationFlagged, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Nobody is mailed of a flag yet; moderators see it in the client."""


def on_annotation_moderated(event: AnnotationModerated, *, attempts: int, context: Context, tasks: TaskQueue) -> None:
    """Nobody is mailed of a verdict yet."""
