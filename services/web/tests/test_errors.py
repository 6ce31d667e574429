"""Failures get their status and body in one place."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from hcommon.db.engine import DatabaseBusyError, DatabaseUnavailableError
from hcommon.errors import ErrorKind, HError, UnavailableError
from hcommon.metrics import Metrics
from hcommon.ratelimit import LimitsUnavailableError, RateLimitedError
from hweb import errors
from hweb.errors import NOT_FOUND, status_of
from hweb.resources import Resources
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from structlog.testing import capture_logs

Failing = Callable[[Exception], TestClient]


def error_of(kind: ErrorKind) -> HError:
    error = HError("the reason")
    error.kind = kind
    return error


@pytest.fixture
def failing(resources: Resources) -> Failing:
    """Return a client whose every route raises this error."""

    def make(error: Exception) -> TestClient:
        app = FastAPI()
        app.state.resources = resources
        errors.install(app)

        @app.get("/api/failing")
        @app.get("/failing")
        def fail() -> Response:
            raise error

        @app.get("/api/number")
        def number(limit: Annotated[int, Query()], offset: int = 0) -> Response:
            return PlainTextResponse(str(limit + offset))

        return TestClient(app, raise_server_exceptions=False)

    return make


class TestStatus:
    @pytest.mark.parametrize(
        ("kind", "api", "site"),
        [
            (ErrorKind.INVALID, 400, 400),
            (ErrorKind.UNAUTHENTICATED, 404, 401),
            (ErrorKind.FORBIDDEN, 404, 403),
            (ErrorKind.NOT_FOUND, 404, 404),
            (ErrorKind.CONFLICT, 409, 409),
            (ErrorKind.TOO_LARGE, 413, 413),
            (ErrorKind.RATE_LIMITED, 429, 429),
            (ErrorKind.UNAVAILABLE, 503, 503),
        ],
    )
    def test_of_every_kind(self, failing: Failing, kind: ErrorKind, api: int, site: int) -> None:
        client = failing(error_of(kind))
        assert client.get("/api/failing").status_code == api
        assert client.get("/failing").status_code == site

    def test_there_is_one_for_every_kind(self) -> None:
        assert {status_of(kind, api=False) for kind in ErrorKind} == {400, 401, 403, 404, 409, 413, 429, 503}


class TestBody:
    def test_the_api_gives_the_reason(self, failing: Failing) -> None:
        response = failing(error_of(ErrorKind.CONFLICT)).get("/api/failing")
        assert response.json() == {"status": "failure", "reason": "the reason"}
        assert response.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("kind", [ErrorKind.UNAUTHENTICATED, ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND])
    def test_the_api_says_nothing_of_what_one_may_not_know(self, failing: Failing, kind: ErrorKind) -> None:
        assert failing(error_of(kind)).get("/api/failing").json()["reason"] == NOT_FOUND

    def test_whatever_is_accepted_the_api_answers_json(self, failing: Failing) -> None:
        for headers in ({"Accept": "text/html"}, {"Accept": "*/*"}):
            response = failing(ZeroDivisionError()).get("/api/failing", headers=headers)
            assert response.json()["status"] == "failure"

    def test_of_who_accepts_nothing_in_particular_too(self, failing: Failing) -> None:
        client = failing(ZeroDivisionError())
        del client.headers["accept"]
        assert client.get("/api/failing").json()["status"] == "failure"

    def test_pages_show_it_escaped(self, failing: Failing) -> None:
        error = HError("<script>")
        response = failing(error).get("/failing")
        assert response.headers["Content-Type"].startswith("text/html")
        assert "&lt;script&gt;" in response.text
        assert "<script>" not in response.text

    def test_unknown_paths_and_methods_of_the_api_are_not_found(self, failing: Failing) -> None:
        client = failing(HError("x"))
        for response in (client.get("/api/nothing"), client.delete("/api/failing"), client.post("/api/failing")):
            assert (response.status_code, response.json()["reason"]) == (404, NOT_FOUND)

    def test_pages_know_wrong_methods(self, failing: Failing) -> None:
        response = failing(HError("x")).post("/failing")
        assert response.status_code == 405
        assert response.headers["Allow"] == "GET"

    def test_parameters_are_named_line_by_line(self, failing: Failing) -> None:
        client = failing(HError("x"))
        response = client.get("/api/number", params={"offset": "x"})
        assert response.status_code == 400
        assert [line.partition(":")[0] for line in response.json()["reason"].split("\n")] == ["limit", "offset"]

    def test_errors_of_the_framework_keep_status_and_headers(self, failing: Failing) -> None:
        response = failing(HTTPException(418, "teapot", {"X-Kind": "tea"})).get("/api/failing")
        assert (response.status_code, response.headers["X-Kind"]) == (418, "tea")
        assert response.json()["reason"] == "teapot"


class TestOutages:
    def test_say_when_to_come_back_and_are_logged(self, failing: Failing) -> None:
        with capture_logs() as lines:
            response = failing(UnavailableError("the database is away")).get("/api/failing")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert [(line["event"], line["log_level"]) for line in lines] == [("dependency_unavailable", "warning")]


class TestDisconnects:
    def test_whoever_goes_in_the_middle_of_a_body_is_no_bug(self, failing: Failing) -> None:
        with capture_logs() as logs:
            answer = failing(ClientDisconnect()).get("/api/failing")
        assert answer.status_code == 400
        assert logs == []


class TestBugs:
    def test_tell_nothing_and_are_logged(self, failing: Failing) -> None:
        for path in ("/api/failing", "/failing"):
            with capture_logs() as lines:
                response = failing(ValueError("secret detail")).get(path)
            assert response.status_code == 500
            assert "secret detail" not in response.text
            assert [line["event"] for line in lines] == ["unhandled_error"]
            assert isinstance(lines[0]["exc_info"], ValueError)


class TestMetrics:
    @pytest.mark.parametrize(
        ("error", "sent"),
        [
            (RateLimitedError(retry_after_seconds=1, limit="api-writes"), "h.web.rate_limited.api-writes:1|c"),
            (DatabaseUnavailableError("away"), "h.web.unavailable.database:1|c"),
            (DatabaseBusyError("busy"), "h.web.unavailable.database_busy:1|c"),
            (LimitsUnavailableError("away"), "h.web.unavailable.limits:1|c"),
        ],
    )
    def test_what_is_refused_is_counted_by_its_cause(self, resources: Resources, error: HError, sent: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(5)
            metrics = Metrics(host="127.0.0.1", port=receiver.getsockname()[1], prefix="h")
            app = FastAPI()
            app.state.resources = replace(resources, metrics=metrics)
            errors.install(app)

            @app.get("/api/failing")
            def fail() -> Response:
                raise error

            TestClient(app).get("/api/failing")
            assert receiver.recv(1000).decode() == sent
            metrics.close()
