"""A clock that tests set."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class FrozenClock:
    """Stands still until it is advanced."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the time set."""
        return self._now

    def advance(self, **timedelta_kwargs: float) -> datetime:
        """Move on by `timedelta(**timedelta_kwargs)` and return the new time."""
        self._now += timedelta(**timedelta_kwargs)
        return self._now
