"""Waiting for a server that is away: growing pauses, and one line in the log instead of one a try."""

from hcommon.logging import get_logger

_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

_log = get_logger(__name__)


class Outage:
    """The attempts at one connection that fail in a row.

    The first failure is logged as a warning and the end of the outage as information; what comes between is silent.
    """

    def __init__(self, **context: str) -> None:
        """Prepare.

        Args:
            context: Values for the log that tell whose connection it is.
        """
        self._context = context
        self._failures = 0

    def failed(self, error: BaseException) -> float:
        """Count a failure and return for how many seconds to wait before the next attempt."""
        if self._failures == 0:
            _log.warning("server_unavailable", error=type(error).__name__, reason=str(error), **self._context)
        pause = _PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS) - 1)]
        self._failures += 1
        return pause

    def over(self) -> None:
        """Take note that the server answers."""
        if self._failures:
            _log.info("server_available_again", failures=self._failures, **self._context)
        self._failures = 0
