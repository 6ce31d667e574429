"""Versions, CORS, HEAD, ETag and caching of everything under `/api/`."""

import pytest
from fastapi import FastAPI
from hweb.api_edge import V1, V2, ApiEdge, negotiate
from hweb.responses import JSON
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

ORIGIN = "https://page.example"


@pytest.fixture
def app() -> ASGIApp:
    """A few routes behind the edge."""
    app = FastAPI()

    @app.get("/api/plain", name="plain")
    def plain() -> Response:
        return JSON({"a": 1})

    @app.post("/api/plain")
    def post() -> Response:
        return JSON({"a": 1})

    @app.get("/api/cached")
    def cached() -> Response:
        return JSON({}, headers={"Cache-Control": "public", "Hypothesis-Media-Type": "x"})

    @app.get("/api/stream")
    def stream() -> Response:
        return StreamingResponse(iter([b"a", b"b"]))

    @app.get("/api/failing")
    def failing() -> Response:
        return JSON({}, status_code=503)

    @app.get("/api/empty")
    def empty() -> Response:
        return Response(status_code=204)

    @app.get("/api/badge")
    def badge() -> Response:
        return JSON({"total": 0})

    @app.get("/page")
    def page() -> Response:
        return PlainTextResponse("page")

    @app.get("/page/{name}")
    def named(name: str) -> Response:
        return PlainTextResponse(name)

    return ApiEdge(app)


@pytest.fixture
def edge(app: ASGIApp) -> TestClient:
    return TestClient(app)


class TestNegotiation:
    @pytest.mark.parametrize(
        ("accept", "media_type"),
        [
            (None, V1),
            ("*/*", V1),
            ("application/*", V1),
            ("nonsense", V1),
            ("a/b/c", V1),
            ("application/json", V1),
            ("Application/JSON", V1),
            (V1, V1),
            (V2, V2),
            (V2.upper(), V2),
            (f"{V1}, {V2}", V2),
            (f"application/json;q=0.5, {V2}", V2),
            (f"application/json, {V2};q=0.5", V2),
            (f"{V2},", V2),
            (f"application/json, {V2};q=0", V1),
            ("text/html,*/*;q=0.8", V1),
            ("text/html, application/json ; Q=1.000", V1),
            ("application/json;", V1),
            ("application/vnd.hypothesis.v1+x-ndjson", V1),
            ("application/vnd.hypothesis.v2+x-ndjson", V1),
            ("", None),
            ("  ", None),
            ("application/json; charset=utf-8", None),
            ("application/json;q=0", None),
            ("application/json;q=0.000", None),
            ("application/vnd.hypothesis.v3+json", None),
            ("text/html", None),
            ("text/html, image/png;q=0.5", None),
        ],
    )
    def test_follows_the_table(self, accept: str | None, media_type: str | None) -> None:
        assert negotiate(accept) == media_type

    def test_the_answer_names_the_version(self, edge: TestClient) -> None:
        assert edge.get("/api/plain", headers={"Accept": V2}).headers["Hypothesis-Media-Type"] == V2
        del edge.headers["Accept"]
        assert edge.get("/api/plain").headers["Hypothesis-Media-Type"] == V1
        assert edge.get("/api/empty").headers["Hypothesis-Media-Type"] == V1

    def test_errors_and_routes_with_a_name_of_their_own_do_not(self, edge: TestClient) -> None:
        assert "Hypothesis-Media-Type" not in edge.get("/api/failing").headers
        assert "Hypothesis-Media-Type" not in edge.get("/api/nothing").headers
        assert edge.get("/api/cached").headers["Hypothesis-Media-Type"] == "x"

    @pytest.mark.parametrize("path", ["/api/plain", "/api/nothing"])
    def test_an_unknown_version_is_406_even_where_there_is_nothing(self, edge: TestClient, path: str) -> None:
        response = edge.get(path, headers={"Accept": "application/vnd.hypothesis.v3+json"})
        assert response.status_code == 406
        assert response.json()["status"] == "failure"
        assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_the_badge_and_pages_have_no_versions(self, edge: TestClient) -> None:
        for path in ("/api/badge", "/page"):
            response = edge.get(path, headers={"Accept": "text/html"})
            assert response.status_code == 200
            assert "Hypothesis-Media-Type" not in response.headers


class TestCrossOrigin:
    @pytest.mark.parametrize("path", ["/api/plain", "/api/failing", "/api/nothing", "/api/stream", "/oauth/revoke"])
    def test_every_answer_may_be_read_by_every_page(self, edge: TestClient, path: str) -> None:
        assert edge.get(path).headers["Access-Control-Allow-Origin"] == "*"

    def test_pages_may_not(self, edge: TestClient) -> None:
        assert "Access-Control-Allow-Origin" not in edge.get("/page").headers

    @pytest.mark.parametrize("path", ["/api/plain", "/api/annotations", "/api/token", "/oauth/revoke"])
    def test_a_preflight_is_answered_everywhere(self, edge: TestClient, path: str) -> None:
        response = edge.options(path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "POST" in response.headers["Access-Control-Allow-Methods"].split(", ")
        allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"Authorization", "Content-Type", "X-Client-Id"} <= set(allowed)
        assert response.headers["Access-Control-Max-Age"] == "86400"
        assert "Access-Control-Allow-Credentials" not in response.headers

    @pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Access-Control-Request-Method": "GET"}])
    def test_an_incomplete_preflight_is_refused(self, edge: TestClient, headers: dict[str, str]) -> None:
        response = edge.options("/api/plain", headers=headers)
        assert response.status_code == 400
        assert response.headers["Access-Control-Allow-Origin"] == "*"


class TestConditionalRequests:
    def test_a_known_version_is_not_sent_again(self, edge: TestClient) -> None:
        etag = edge.get("/api/plain").headers["ETag"]
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            for method in ("GET", "HEAD"):
                response = edge.request(method, "/api/plain", headers={"If-None-Match": known})
                assert (response.status_code, response.content) == (304, b"")
                assert response.headers["ETag"] == etag
                assert "Content-Type" not in response.headers

    def test_another_version_is(self, edge: TestClient) -> None:
        assert edge.get("/api/plain", headers={"If-None-Match": '"x"'}).json() == {"a": 1}

    def test_writes_are_not_conditional(self, edge: TestClient) -> None:
        response = edge.post("/api/plain", headers={"If-None-Match": "*"})
        assert response.status_code == 200
        assert "ETag" not in response.headers

    def test_streams_and_failures_have_no_etag(self, edge: TestClient) -> None:
        for path in ("/api/stream", "/api/failing", "/api/empty"):
            assert "ETag" not in edge.get(path).headers

    def test_nothing_is_cached_unless_the_route_says_so(self, edge: TestClient) -> None:
        assert edge.get("/api/plain").headers["Cache-Control"] == "no-cache"
        assert edge.get("/api/cached").headers["Cache-Control"] == "public"


class TestHead:
    @pytest.mark.parametrize("path", ["/api/plain", "/api/stream", "/page"])
    def test_is_a_get_without_the_body(self, edge: TestClient, path: str) -> None:
        got, head = edge.get(path), edge.head(path)
        assert (head.status_code, head.content, dict(head.headers)) == (200, b"", dict(got.headers))

    def test_the_layers_around_still_see_a_head_and_its_route(self, app: ASGIApp) -> None:
        seen = []

        async def around(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            seen.append((scope["method"], scope["route"].name))

        TestClient(around).head("/api/plain")
        assert seen == [("HEAD", "plain")]


class TestAddresses:
    @pytest.mark.parametrize("path", ["/%c5", "/page/%FF", "/api/%c5", "/page/%00", "/page?x=%00", "/api/plain?%00"])
    def test_bytes_that_are_no_text_are_refused(self, edge: TestClient, path: str) -> None:
        assert edge.get(path).status_code == 400

    def test_text_of_any_language_is_fine(self, edge: TestClient) -> None:
        assert edge.get("/page/caf%C3%A9?x=%C3%A9").text == "café"
