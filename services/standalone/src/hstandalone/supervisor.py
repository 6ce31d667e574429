"""Keep everything running: what dies is started again, less and less eagerly, and in the end all is stopped."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hstandalone.errors import StandaloneError
from hstandalone.processes import ServerProcess
from hstandalone.screen import Screen

_DELAYS_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_STEADY_SECONDS = 60.0


class Unit(Protocol):
    """What can be supervised: a service, or one of the embedded servers."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def process(self) -> ServerProcess | None:
        """Its process, once started."""
        ...

    def start(self) -> None:
        """Start it, also again after it died; StandaloneError when that is impossible for now."""
        ...

    def is_running(self) -> bool:
        """Tell whether its process runs."""
        ...

    def last_words(self) -> str:
        """Return the end of its log."""
        ...

    def stop(self) -> None:
        """Stop it within its own deadline, in the end by force."""
        ...


@dataclass
class _Watch:
    unit: Unit
    started_at: float
    failures: int = 0
    retry_at: float | None = None
    explained: str = ""


class Supervisor:
    """Starts units, starts them again when they die, stops them. Times are monotonic seconds.

    Args:
        screen: Where deaths and restarts are reported.
        monotonic: Tells the time.
        on_start: Called after every start with the units that have been started so far.
        delays_seconds: Waits before the first, second … restart in a row; the last one repeats.
    """

    def __init__(
        self,
        *,
        screen: Screen,
        monotonic: Callable[[], float],
        on_start: Callable[[Sequence[Unit]], None] = lambda _: None,
        delays_seconds: Sequence[float] = _DELAYS_SECONDS,
    ) -> None:
        self._screen = screen
        self._monotonic = monotonic
        self._on_start = on_start
        self._delays_seconds = delays_seconds
        self._watches: list[_Watch] = []

    def start(self, unit: Unit) -> None:
        """Start a unit and watch it from now on.

        Raises:
            StandaloneError: This first start fails.
        """
        self._watches.append(_Watch(unit=unit, started_at=self._monotonic()))
        unit.start()
        self._on_start([watch.unit for watch in self._watches])

    def tick(self) -> None:
        """Look once at every unit; start again what is due."""
        for watch in self._watches:
            if watch.retry_at is not None:
                if self._monotonic() >= watch.retry_at:
                    self._restart(watch)
            elif not watch.unit.is_running():
                how = watch.unit.process.ending() if watch.unit.process is not None else "is gone"
                self._schedule(watch, how=how, details=watch.unit.last_words())

    def stop(self, *, last: Sequence[Unit] = ()) -> None:
        """Stop all units in the order of their start, but those in `last` at the end and in that order."""
        rest = [watch.unit for watch in self._watches if watch.unit not in last]
        started = [unit for unit in last if any(watch.unit is unit for watch in self._watches)]
        self._watches.clear()
        for unit in [*rest, *started]:
            with self._screen.step(f"Stopping {unit.name}"):
                unit.stop()

    def _restart(self, watch: _Watch) -> None:
        watch.retry_at = None
        watch.started_at = self._monotonic()
        try:
            watch.unit.start()
        except (StandaloneError, OSError) as error:  # OSError: the disk is full, say; it may pass
            self._schedule(watch, how="could not be started again", details=str(error))
            return
        with contextlib.suppress(OSError):
            self._on_start([each.unit for each in self._watches])

    def _schedule(self, watch: _Watch, *, how: str, details: str) -> None:
        if self._monotonic() - watch.started_at >= _STEADY_SECONDS:
            watch.failures = 0
            watch.explained = ""
        delay_seconds = self._delays_seconds[min(watch.failures, len(self._delays_seconds) - 1)]
        watch.failures += 1
        watch.retry_at = self._monotonic() + delay_seconds
        self._screen.problem(f"{watch.unit.name} {how}; starting it again in {delay_seconds:g} s.")
        if watch.explained != how:  # the same words again would only hide the rest
            watch.explained = how
            self._screen.quote(details)
