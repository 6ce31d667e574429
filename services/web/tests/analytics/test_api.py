"""Events that the client reports."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hcommon.metrics import Metrics
from hweb.app import create_app
from hweb.resources import Resources
from starlette.testclient import TestClient

PATH = "/api/analytics/events"
EVENT = "client.realtime.apply_updates"


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    """A statsd server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        yield server


class TestReport:
    def test_a_known_event_is_counted(self, resources: Resources, statsd: socket.socket) -> None:
        metrics = Metrics(host="127.0.0.1", port=statsd.getsockname()[1], prefix="h")
        site = TestClient(create_app(replace(resources, metrics=metrics)))
        answer = site.post(PATH, json={"event": EVENT})
        metrics.close()
        assert (answer.status_code, answer.content) == (204, b"")
        sent = iter(lambda: statsd.recv(1000), b"")
        assert next(packet for packet in sent if b"client_realtime" in packet) == (
            b"h.web.client.client_realtime_apply_updates:1|c"
        )

    @pytest.mark.parametrize(
        "body", ['{"event": "x"}', '{"event": ["a"]}', '{"event": {}}', '{"event": null}', "{}", "[]", "{"]
    )
    def test_anything_else_is_refused(self, client: TestClient, body: str) -> None:
        answer = client.post(PATH, content=body)
        assert answer.status_code == 400
        assert answer.json()["status"] == "failure"

    def test_other_sites_may_report_too(self, client: TestClient) -> None:
        assert client.post(PATH, json={"event": EVENT}).headers["access-control-allow-origin"] == "*"
