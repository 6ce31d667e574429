"""Pings every client in turn, lets go of those that are gone, and reports how many there are.

Tornado's own pings are off: they take a task for every socket, and say goodbye with 1000, after which a client that
only slept does not come back.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from hcommon.metrics import Metrics

from hwebsocket.connection import CloseReason, Connection
from hwebsocket.frames import PING
from hwebsocket.metrics import CONNECTIONS_ACTIVE, CONNECTIONS_AUTHENTICATED
from hwebsocket.registry import Registry

_TICK_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 10.0


class Heartbeat:
    """One task for all connections.

    Args:
        interval_seconds: Between two pings of a client.
    """

    def __init__(self, *, registry: Registry, interval_seconds: float, metrics: Metrics) -> None:
        self._registry = registry
        self._interval_seconds = interval_seconds
        self._metrics = metrics
        self._due: OrderedDict[Connection, float] = OrderedDict()  # one interval for all, so the order is by time

    def add(self, connection: Connection, *, at: float) -> None:
        """Ping a new connection from now on.

        Args:
            connection: Already in the registry.
            at: The event loop's time, in seconds.
        """
        self._due[connection] = at + self._interval_seconds

    def remove(self, connection: Connection) -> None:
        """Ping a connection no more; one that is not there does no harm."""
        self._due.pop(connection, None)

    async def run(self) -> None:
        """Ping and report until cancelled."""
        loop = asyncio.get_running_loop()
        next_report = loop.time()
        while True:
            self.beat(at=loop.time())
            if loop.time() >= next_report:
                next_report += _REPORT_SECONDS
                self._metrics.gauge(CONNECTIONS_ACTIVE, len(self._registry))
                self._metrics.gauge(CONNECTIONS_AUTHENTICATED, self._registry.authenticated)
            await asyncio.sleep(min(_TICK_SECONDS, self._interval_seconds / 2))

    def beat(self, *, at: float) -> None:
        """Ping those whose turn has come; close those that did not answer the last ping."""
        while self._due:
            connection, due = next(iter(self._due.items()))
            if due > at:
                break
            if not connection.answered:
                connection.close(CloseReason.NO_PONG)
            connection.answered = False
            if connection.send(PING):
                self.add(connection, at=at)
                self._due.move_to_end(connection)
            else:
                self.remove(connection)
