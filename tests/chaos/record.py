"""What was asked for and what was acknowledged: the books against which PostgreSQL is held.

A request whose answer was lost, or that was answered 5xx, may or may not have taken effect, and may even do so later.
What it was about is not touched again, so that both outcomes stay allowed to the end.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

GONE: Final = None
"""The state of something that is not there."""


@dataclass
class Note:
    """An annotation whose creation was acknowledged.

    Attributes:
        owner: Name of its author.
        states: Texts that it may have; `GONE` for a deletion. More than one after an answer that was lost.
        hidden: What may be said of it: hidden or not.
        is_reply: Whether it is due as a mail to the author of what it replies to.
        at_rest: Not to be changed any more.
    """

    id: str
    owner: str
    page: str
    states: set[str | None]
    is_reply: bool = False
    hidden: set[bool] = field(default_factory=lambda: {False})
    at_rest: bool = False


@dataclass
class Record:
    """One storm.

    Attributes:
        tag: Every annotation of the storm carries it.
        asked: Every text that was ever sent: what may be there at all.
        flags: For each annotation that was reported whether that was acknowledged.
        members: For each group and user whether the joining was acknowledged.
        acknowledged: Operations by kind.
        unknown: Operations without an answer, or answered 5xx, by what was said.
        slowest: Seconds of the slowest answer.
        texts_of_unknown: Texts of new annotations whose creation got no answer.
    """

    tag: str
    asked: set[str] = field(default_factory=set)
    notes: dict[str, Note] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    members: dict[tuple[str, str], bool] = field(default_factory=dict)
    acknowledged: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    texts_of_unknown: set[str] = field(default_factory=set)
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def operations(self) -> int:
        """How many were acknowledged."""
        return self.acknowledged.total()

    def acknowledge(self, kind: str, change: Callable[[], None]) -> None:
        """Take down what the server has promised."""
        with self._lock:
            change()
            self.acknowledged[kind] += 1

    def doubt(self, said: str, change: Callable[[], None]) -> None:
        """Take down that something may have happened."""
        with self._lock:
            change()
            self.unknown[said] += 1
