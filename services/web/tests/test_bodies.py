"""JSON bodies."""

import pytest
from fastapi import FastAPI
from hweb import errors
from hweb.bodies import LARGE_BODY_BYTES, JSONBody
from hweb.resources import Resources
from hweb.responses import JSON
from starlette.responses import Response
from starlette.testclient import TestClient


@pytest.fixture
def echo(resources: Resources) -> TestClient:
    """An application that answers with what it was sent."""
    app = FastAPI()
    app.state.resources = resources
    errors.install(app)

    @app.post("/api/object")
    def of_object(body: JSONBody) -> Response:
        return JSON(body)

    return TestClient(app)


class TestObject:
    def test_an_object_arrives(self, echo: TestClient) -> None:
        assert echo.post("/api/object", content=b'{"a": [1, "\\u0000"]}').json() == {"a": [1, "\x00"]}

    def test_the_content_type_does_not_matter(self, echo: TestClient) -> None:
        response = echo.post("/api/object", content=b"{}", headers={"Content-Type": "text/plain"})
        assert response.status_code == 200

    def test_a_large_one_too(self, echo: TestClient) -> None:
        body = {"a": "x" * LARGE_BODY_BYTES}
        assert echo.post("/api/object", json=body).json() == body

    @pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"'])
    def test_another_value_is_refused(self, echo: TestClient, body: bytes) -> None:
        response = echo.post("/api/object", content=body)
        assert response.status_code == 400
        assert response.json() == {"status": "failure", "reason": "The body must be a JSON object."}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"{'a': 1}",
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b'{"a": "\\ud800"}',
            b'{"a": "\xed\xa0\x80"}',
            b"\xff",
            b"[" * 5000 + b"]" * 5000,
            b"[" + b" " * LARGE_BODY_BYTES,
        ],
    )
    def test_what_is_not_json_is_refused(self, echo: TestClient, body: bytes) -> None:
        response = echo.post("/api/object", content=body)
        assert response.status_code == 400
        assert response.json()["reason"].startswith("The body is not valid JSON: ")
