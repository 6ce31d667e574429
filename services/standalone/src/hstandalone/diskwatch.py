"""Tell people that a disk is full: no log can, since logs are files on it."""

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from hstandalone.screen import Screen

_FULL_BYTES = 1_000_000
_ROOM_BYTES = 20_000_000


class DiskWatch:
    """Says once that a disk is full, and once that it is not any more.

    Args:
        directories: Where our data lies; several may be on one disk.
        screen: Where it is said.
        full_bytes: A disk with less than this is full.
        room_bytes: A disk with more than this is not.
    """

    def __init__(
        self,
        directories: Iterable[Path],
        *,
        screen: Screen,
        full_bytes: int = _FULL_BYTES,
        room_bytes: int = _ROOM_BYTES,
    ) -> None:
        self._directories = list(directories)
        self._screen = screen
        self._full_bytes = full_bytes
        self._room_bytes = room_bytes
        self._full: Path | None = None

    def look(self) -> None:
        """Look, and say what has changed."""
        with contextlib.suppress(OSError):  # a disk that is gone makes itself known otherwise
            if self._full is None:
                self._full = next((each for each in self._directories if _free(each) < self._full_bytes), None)
                if self._full is not None:
                    self._screen.problem(
                        f"The disk of {self._full} is full. Nothing new can be saved, nothing that was saved is lost. "
                        "Make room; the rest happens by itself."
                    )
            elif _free(self._full) > self._room_bytes:
                self._screen.say(f"There is room again on the disk of {self._full}.")
                self._full = None


def _free(directory: Path) -> int:
    return shutil.disk_usage(directory).free
