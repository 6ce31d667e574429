"""The wish to stop, as SIGINT, SIGTERM or SIGHUP bring it."""

import signal
from types import FrameType


class StopRequestedError(Exception):
    """Somebody wants us to stop while we are still starting."""


class StopRequest:
    """A flag that a signal sets. No lock: the handler runs between any two steps of the main thread."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        """Let the signals set the flag; below nohup a closed terminal goes on being ignored.

        SIGINT is ignored in what a script starts in the background, yet whoever sends it by name means it.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._on_signal)

    def check(self) -> None:
        """Give up the current step if the flag is set.

        Raises:
            StopRequestedError: It is.
        """
        if self.requested:
            raise StopRequestedError

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requested = True
