"""Expected failures, of one root; they know no HTTP.

Each service maps `ErrorKind` at its edge: the web service to a status, the websocket to a reply, the worker
and the indexer to a retry (only `UNAVAILABLE`) or to the dead letters.
"""

from enum import Enum


class ErrorKind(Enum):
    """Why something that was asked for did not happen."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


class HError(Exception):
    """Root of every expected failure; its text may be shown to the user."""

    kind: ErrorKind = ErrorKind.INVALID

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnavailableError(HError):
    """A dependency is away or too slow; the same request may succeed later."""

    kind = ErrorKind.UNAVAILABLE
