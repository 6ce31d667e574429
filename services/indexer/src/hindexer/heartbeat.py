"""A sign of life for `h-indexer check`, which runs in a process of its own."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hcommon.clock import Clock
from hcommon.errors import UnavailableError
from hcommon.logging import get_logger

INTERVAL_SECONDS: Final = 5.0
LONGEST_SILENCE_SECONDS: Final = 30.0

_log = get_logger(__name__)


class NoHeartbeatError(UnavailableError):
    """The indexer gave no sign of life for a while."""


class Heartbeat:
    """Touches a file every few seconds while the indexer can work."""

    def __init__(self, path: Path, *, is_alive: Callable[[], bool], interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._path = path
        self._is_alive = is_alive
        self._interval_seconds = interval_seconds

    def start(self, stop: threading.Event) -> None:
        """Beat in a thread until `stop` is set."""
        threading.Thread(target=self._run, args=(stop,), name="heartbeat", daemon=True).start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if self._is_alive():
                try:
                    self._path.touch()
                except OSError as error:
                    _log.warning("heartbeat_failed", path=str(self._path), error=str(error))
            stop.wait(self._interval_seconds)


def check_heartbeat(path: Path, *, clock: Clock) -> str:
    """Return how long ago the indexer gave a sign of life.

    Raises:
        NoHeartbeatError: That was too long ago, or there was none.
    """
    try:
        silence = clock.now().timestamp() - path.stat().st_mtime
    except OSError as error:
        raise NoHeartbeatError("The indexer gave no sign of life yet.") from error
    if silence > LONGEST_SILENCE_SECONDS:
        raise NoHeartbeatError(f"The indexer's last sign of life was {silence:.0f} s ago.")
    return f"{max(silence, 0):.0f} s ago"
