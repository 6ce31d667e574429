"""What reaches a statsd server."""

import socket
from collections.abc import Iterator

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
