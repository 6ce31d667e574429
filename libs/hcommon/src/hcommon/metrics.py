"""statsd metrics: declared once with kind, unit and help, and sent from here alone.

A service's `metrics.py` holds its declarations; `make docs` writes `docs/metrics.md` from them. Names may hold
`{placeholders}` for a route, a status or a task, never for ids, users or URIs. No tags: plain statsd has none.
"""

import re
import socket
from dataclasses import dataclass
from typing import Literal

import statsd

Kind = Literal["counter", "timer", "gauge"]
_UNSAFE = re.compile(r"[^A-Za-z0-9_\-]+")


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared metric.

    Attributes:
        name: Dotted name below `STATSD_PREFIX`, with `{placeholders}`.
        kind: What statsd does with it.
        unit: `milliseconds` for timers; what is counted otherwise.
        help: What the number means and when to act.
    """

    name: str
    kind: Kind
    unit: str
    help: str


class Metrics:
    """Sends declared metrics to statsd over UDP; without a host it sends nothing.

    A statsd server that cannot be resolved or reached never disturbs the service: metrics are lost, silently.
    """

    def __init__(self, *, host: str | None, port: int, prefix: str) -> None:
        self._client: statsd.StatsClient | None = None
        if host:
            try:
                self._client = statsd.StatsClient(host=host, port=port, prefix=prefix or None)
            except socket.gaierror:
                self._client = None

    def count(self, metric: Metric, value: int = 1, **labels: str | int) -> None:
        """Add `value` to a counter."""
        if self._client is not None:
            self._client.incr(_name(metric, labels), value)

    def timing(self, metric: Metric, milliseconds: float, **labels: str | int) -> None:
        """Record one duration."""
        if self._client is not None:
            self._client.timing(_name(metric, labels), milliseconds)

    def gauge(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Set a gauge."""
        if self._client is not None:
            self._client.gauge(_name(metric, labels), value)

    def close(self) -> None:
        """Close the socket."""
        if self._client is not None:
            self._client.close()


def _name(metric: Metric, labels: dict[str, str | int]) -> str:
    if not labels:
        return metric.name
    return metric.name.format(**{key: _UNSAFE.sub("_", str(value)) for key, value in labels.items()})
