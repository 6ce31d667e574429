"""The clockwork that queues the periodic tasks.

The schedule is in memory: each task is queued when the process starts and then once an interval, or more often
(`intervals.queued_every`). Queueing one more often than needed does no harm, so several beats may run and none needs a
file.
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from hcommon.bus.backoff import Outage
from hcommon.clock import Clock
from hcommon.errors import UnavailableError

from hworker.app import TaskQueue
from hworker.intervals import SCHEDULE, queued_every

_TICK_SECONDS: Final = 1.0


class Beat:
    """Queues what is due, from the thread that calls `run`."""

    def __init__(self, *, tasks: TaskQueue, clock: Clock, schedule: Mapping[str, timedelta] = SCHEDULE) -> None:
        self._tasks = tasks
        self._clock = clock
        self._schedule = schedule
        self._next: dict[str, datetime] = {}

    def run(self, stop: threading.Event) -> None:
        """Queue until `stop` is set; while the broker is away, what is due stays due."""
        outage = Outage(server="task broker", role="beat")
        while not stop.is_set():
            try:
                self.tick()
            except UnavailableError as error:
                stop.wait(outage.failed(error))
            else:
                outage.over()
                stop.wait(_TICK_SECONDS)

    def tick(self) -> None:
        """Queue what is due now.

        Raises:
            BrokerUnavailableError: The broker is away; the rest stays due.
        """
        now = self._clock.now()
        for name, interval in self._schedule.items():
            pause = queued_every(interval)
            # The clock may have been put back: then what was due by the old time is not waited for.
            if not now < self._next.get(name, now) <= now + pause:
                self._tasks.send_periodic(name)
                self._next[name] = now + pause
