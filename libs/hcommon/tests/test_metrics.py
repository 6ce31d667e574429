"""What reaches a statsd server."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hcommon.metrics import Metric, Metrics

REQUEST = Metric(name="web.request.{route}.{status}", kind="timer", unit="milliseconds", help="Time of requests.")
FAILED = Metric(name="web.failed", kind="counter", unit="requests", help="Failures.")
AGE = Metric(name="outbox.age", kind="gauge", unit="seconds", help="Age of the oldest event.")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as received:
        received.bind(("127.0.0.1", 0))
        received.settimeout(5)
        yield received


@pytest.fixture
def metrics(server: socket.socket) -> Iterator[Metrics]:
    metrics = Metrics(host="127.0.0.1", port=server.getsockname()[1], prefix="h")
    yield metrics
    metrics.close()


class TestMetrics:
    def test_a_timer_is_sent_in_milliseconds_under_its_filled_name(
        self, metrics: Metrics, server: socket.socket
    ) -> None:
        metrics.timing(REQUEST, 12.5, route="annotation.create", status=200)
        assert server.recv(999) == b"h.web.request.annotation_create.200:12.500000|ms"

    def test_a_counter_counts(self, metrics: Metrics, server: socket.socket) -> None:
        metrics.count(FAILED, 3)
        assert server.recv(999) == b"h.web.failed:3|c"

    def test_a_gauge_is_set(self, metrics: Metrics, server: socket.socket) -> None:
        metrics.gauge(AGE, 4.0)
        assert server.recv(999) == b"h.outbox.age:4.0|g"

    def test_without_a_host_nothing_is_sent(self) -> None:
        silent = Metrics(host=None, port=8125, prefix="h")
        silent.count(FAILED)
        silent.timing(REQUEST, 1, route="x", status=200)
        silent.gauge(AGE, 1)
        silent.close()

    def test_a_host_that_does_not_exist_disturbs_nobody(self) -> None:
        Metrics(host="statsd.invalid", port=8125, prefix="h").count(FAILED)


class TestName:
    """`names` tells where a name leads; None for nowhere yet."""

    @pytest.fixture
    def names(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
        names: dict[str, str | None] = {"statsd": None}
        look_up: Callable[..., Any] = socket.getaddrinfo

        def answer(host: str, *arguments: Any) -> Any:
            address = names.get(host, host)
            if address is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return look_up(address, *arguments)

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return names

    def test_that_leads_nowhere_at_the_start_is_looked_up_again(
        self, server: socket.socket, names: dict[str, str | None]
    ) -> None:
        metrics = Metrics(host="statsd", port=server.getsockname()[1], prefix="h", look_up_seconds=0)
        metrics.count(FAILED)
        names["statsd"] = "127.0.0.1"
        assert first_word(server, metrics) == b"h.web.failed:1|c"
        metrics.close()

    def test_that_leads_elsewhere_is_followed(self, server: socket.socket, names: dict[str, str | None]) -> None:
        names["statsd"] = "127.0.0.2"
        metrics = Metrics(host="statsd", port=server.getsockname()[1], prefix="h", look_up_seconds=0)
        names["statsd"] = "127.0.0.1"
        assert first_word(server, metrics) == b"h.web.failed:1|c"
        metrics.close()

    def test_is_not_looked_up_for_every_metric(self, server: socket.socket, names: dict[str, str | None]) -> None:
        metrics = Metrics(host="statsd", port=server.getsockname()[1], prefix="h")
        names["statsd"] = "127.0.0.1"
        metrics.count(FAILED)
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.recv(999)
        metrics.close()


def first_word(server: socket.socket, metrics: Metrics) -> bytes:
    """Count until the server hears of it."""
    server.settimeout(0.05)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        metrics.count(FAILED)
        with contextlib.suppress(TimeoutError):
            return server.recv(999)
    raise AssertionError("nothing arrived")
