"""Asking a service whether it works."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from hcommon.testing.ports import free_port
from hstandalone.readiness import answers


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 503)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class TestAnswers:
    def test_only_200_means_that_it_works(self, address: str) -> None:
        assert answers(f"{address}/livez")
        assert not answers(f"{address}/other")

    def test_nobody_there_is_an_answer_too(self) -> None:
        assert not answers(f"http://127.0.0.1:{free_port()}/livez")

    def test_a_proxy_is_never_asked(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert answers(f"{address}/livez")
