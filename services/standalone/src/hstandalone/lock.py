"""One embedded system a data directory: a lock that the kernel drops however its owner ends."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hstandalone.errors import StandaloneError


class AlreadyRunningError(StandaloneError):
    """Another process holds the data directory."""


@contextmanager
def held(path: Path, *, address: str) -> Iterator[None]:
    """Hold the lock, and leave our address in its file for whoever comes next.

    Raises:
        AlreadyRunningError: Another process holds it; the text has that one's address.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(_describe(path)) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), "address": address}, file)
        file.flush()
        yield
        file.truncate(0)


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock now."""
    try:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _describe(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        who = f"h is already running at {owner['address']} (process {owner['pid']})"
    except (ValueError, KeyError, TypeError):
        who = "h is already starting"  # between taking the lock and writing its address
    return (
        f"{who} with the data in {path.parent}. Use that one, or stop it with Ctrl-C where it runs. "
        "For a second one beside it set H_DATA and PORT, for example: make run PORT=5100 H_DATA=/tmp/h2"
    )
