"""statsd metrics: declared once with kind, unit and help, and sent from here alone.

A service's `metrics.py` holds its declarations; `make docs` writes `docs/metrics.md` from them. Names may hold
`{placeholders}` for a route, a status or a task, never for ids, users or URIs. No tags: plain statsd has none.
"""

import math
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Final, Literal

import statsd

Kind = Literal["counter", "timer", "gauge"]

LOOK_UP_SECONDS: Final = 30.0
"""How often the server's name is looked up again."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_\-]+")


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared metric.

    Attributes:
        name: Dotted name below `STATSD_PREFIX`, with `{placeholders}`.
        kind: What statsd does with it.
        unit: `milliseconds` for timers; what is counted otherwise.
        help: What the number means.
        act: When to act, with a figure, and what to do; None for a number that only explains others.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    act: str | None = None


class Metrics:
    """Sends declared metrics to statsd over UDP; without a host it sends nothing.

    A statsd server that cannot be resolved or reached never disturbs the service: metrics are lost, silently. Its
    name is looked up again while metrics are sent, by a thread of its own, so that one which starts later or moves to
    another address is found.
    """

    def __init__(self, *, host: str | None, port: int, prefix: str, look_up_seconds: float = LOOK_UP_SECONDS) -> None:
        """Look the name up a first time.

        Args:
            host: Name or IPv4 address of the server; None for no metrics.
            port: Its UDP port.
            prefix: Put before every name.
            look_up_seconds: How often the name is looked up again at most.
        """
        self._host = host
        self._port = port
        self._prefix = prefix or None
        self._look_up_seconds = look_up_seconds
        self._address: str | None = None
        self._client: statsd.StatsClient | None = None
        self._looking = threading.Lock()
        self._look_up_at = math.inf
        if host:
            self._look_up(host)

    def count(self, metric: Metric, value: int = 1, **labels: str | int) -> None:
        """Add `value` to a counter."""
        if client := self._current():
            client.incr(_name(metric, labels), value)

    def timing(self, metric: Metric, milliseconds: float, **labels: str | int) -> None:
        """Record one duration."""
        if client := self._current():
            client.timing(_name(metric, labels), milliseconds)

    def gauge(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Set a gauge."""
        if client := self._current():
            client.gauge(_name(metric, labels), value)

    def close(self) -> None:
        """Close the socket."""
        self._look_up_at = math.inf
        if self._client is not None:
            self._client.close()

    def _current(self) -> statsd.StatsClient | None:
        """Return the client, and have its address checked when that is due."""
        if time.monotonic() >= self._look_up_at and self._host and self._looking.acquire(blocking=False):
            self._look_up_at = math.inf
            threading.Thread(target=self._look_up_again, args=(self._host,), name="statsd-name", daemon=True).start()
        return self._client

    def _look_up_again(self, host: str) -> None:
        try:
            self._look_up(host)
        finally:
            self._looking.release()

    def _look_up(self, host: str) -> None:
        try:
            address = socket.getaddrinfo(host, self._port, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0]
        except (OSError, UnicodeError):  # the latter for what cannot be a name
            address = None
        if address is not None and address != self._address:
            before = self._client
            self._client = statsd.StatsClient(host=address, port=self._port, prefix=self._prefix)
            self._address = str(address)
            if before is not None:
                before.close()  # whoever is sending with it loses that one metric
        self._look_up_at = time.monotonic() + self._look_up_seconds


def _name(metric: Metric, labels: dict[str, str | int]) -> str:
    if not labels:
        return metric.name
    return metric.name.format(**{key: _UNSAFE.sub("_", str(value)) for key, value in labels.items()})
