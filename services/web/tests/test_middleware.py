"""What happens around every request."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import structlog
from fastapi import FastAPI, Request
from hcommon.metrics import Metrics
from hweb import errors
from hweb.api_edge import ApiEdge
from hweb.middleware import MAX_BODY_BYTES, RequestMiddleware
from hweb.resources import Resources
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from structlog.testing import capture_logs


@pytest.fixture
def app(resources: Resources) -> FastAPI:
    app = FastAPI()
    app.state.resources = resources
    errors.install(app)

    @app.post("/api/length", name="length")
    async def length(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    @app.get("/id", name="id")
    def request_id() -> Response:
        return PlainTextResponse(structlog.contextvars.get_contextvars()["request_id"])

    @app.get("/api/bug", name="bug")
    def bug() -> Response:
        raise ZeroDivisionError

    return app


@pytest.fixture
def around(app: FastAPI, resources: Resources) -> TestClient:
    return TestClient(RequestMiddleware(ApiEdge(app), resources=resources), raise_server_exceptions=False)


class TestRequestId:
    def test_is_made_bound_and_returned(self, around: TestClient) -> None:
        first, second = around.get("/id"), around.get("/id")
        assert first.text == first.headers["X-Request-Id"] != second.text

    def test_of_a_proxy_is_kept(self, around: TestClient) -> None:
        assert around.get("/id", headers={"X-Request-Id": "abc-1234.Z_"}).text == "abc-1234.Z_"

    @pytest.mark.parametrize("given", ["short", "x" * 65, "with space", 'quo"te-quote'])
    def test_is_not_taken_from_anything(self, around: TestClient, given: str) -> None:
        assert around.get("/id", headers={"X-Request-Id": given}).text != given

    def test_is_gone_afterwards(self, around: TestClient) -> None:
        around.get("/id")
        assert "request_id" not in structlog.contextvars.get_contextvars()


class TestBodyLimit:
    def test_a_body_within_it_arrives(self, around: TestClient) -> None:
        assert around.post("/api/length", content=b"x" * 1000).text == "1000"

    def test_a_body_declared_longer_is_refused_unread(self, around: TestClient) -> None:
        for length in (str(MAX_BODY_BYTES + 1), "9" * 5000):
            response = around.post("/api/length", content=b"x", headers={"Content-Length": length})
            assert response.status_code == 413
            assert response.json()["status"] == "failure"
            assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_a_longer_body_without_a_length_is_refused(self, around: TestClient) -> None:
        def chunks() -> Iterator[bytes]:
            for _ in range(MAX_BODY_BYTES // 2**20 + 1):
                yield b"x" * 2**20

        assert around.post("/api/length", content=chunks()).status_code == 413

    def test_a_length_that_is_no_number_is_counted(self, around: TestClient) -> None:
        assert around.post("/api/length", content=b"abc", headers={"Content-Length": "²".encode("latin-1")}).text == "3"


class TestLog:
    @pytest.mark.parametrize("path", ["/activate/7/", "/claim-admin/", "/account/reset/", "/account/email/"])
    def test_never_holds_the_code_of_a_mailed_link(self, around: TestClient, path: str) -> None:
        with capture_logs() as lines:
            around.get(f"{path}signed-code")
        [line] = [line for line in lines if line["event"] == "request"]
        assert line["path"] == f"{path}…"

    def test_one_line_a_request(self, around: TestClient) -> None:
        with capture_logs() as lines:
            around.get("/id?token=secret")
        [line] = [line for line in lines if line["event"] == "request"]
        assert (line["method"], line["path"], line["status"]) == ("GET", "/id", 200)
        assert line["milliseconds"] >= 0
        assert "secret" not in str(lines)

    def test_a_bug_is_500_json_with_a_traceback_in_the_log_alone(self, around: TestClient) -> None:
        with capture_logs() as lines:
            response = around.get("/api/bug")
        assert response.status_code == 500
        assert response.json()["status"] == "failure"
        assert "ZeroDivision" not in response.text
        assert {line["event"] for line in lines} == {"unhandled_error", "request"}
        assert next(line for line in lines if line["event"] == "request")["status"] == 500


class TestTiming:
    def test_routes_and_statuses_are_counted(self, app: FastAPI, resources: Resources) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(5)
            metrics = Metrics(host="127.0.0.1", port=receiver.getsockname()[1], prefix="h")
            around = TestClient(RequestMiddleware(ApiEdge(app), resources=replace(resources, metrics=metrics)))
            for method, path, name in (
                ("GET", "/id", "h.web.request.id.200"),
                ("HEAD", "/id", "h.web.request.id.200"),
                ("GET", "/api/nothing", "h.web.request.unmatched.404"),
            ):
                around.request(method, path)
                sent = receiver.recv(1000).decode()
                while sent.startswith("h.web.threads."):
                    sent = receiver.recv(1000).decode()
                assert sent.partition(":")[0] == name
            metrics.close()

    def test_threads_at_work_and_requests_that_wait_are_reported(self, app: FastAPI, resources: Resources) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(5)
            metrics = Metrics(host="127.0.0.1", port=receiver.getsockname()[1], prefix="h")
            around = TestClient(RequestMiddleware(ApiEdge(app), resources=replace(resources, metrics=metrics)))
            around.get("/id")
            around.get("/id")
            sent = [receiver.recv(1000).decode() for _ in range(4)]
            metrics.close()
        assert sent[:2] == ["h.web.threads.busy:0|g", "h.web.threads.waiting:0|g"]
        assert all(line.startswith("h.web.request.") for line in sent[2:])


class TestOtherProtocols:
    def test_starting_and_stopping_pass_through(self, resources: Resources) -> None:
        seen: list[str] = []

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            seen.append("started")
            yield
            seen.append("stopped")

        with TestClient(RequestMiddleware(ApiEdge(FastAPI(lifespan=lifespan)), resources=resources)):
            assert seen == ["started"]
        assert seen == ["started", "stopped"]
