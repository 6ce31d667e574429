"""Pages of errors."""

import pytest
from starlette.testclient import TestClient


class TestErrorPage:
    def test_a_missing_page_says_so_in_words(self, client: TestClient) -> None:
        answer = client.get("/no-such-page")
        assert answer.status_code == 404
        assert "<h1>There is nothing here</h1>" in answer.text
        assert "Not Found" not in answer.text

    def test_a_page_that_takes_no_forms_says_so(self, client: TestClient) -> None:
        answer = client.post("/welcome")
        assert answer.status_code == 405
        assert "Method Not Allowed" not in answer.text

    def test_caches_do_not_keep_it(self, client: TestClient) -> None:
        assert client.get("/no-such-page").headers["cache-control"] == "no-store"

    def test_what_visitors_sent_is_text(self, client: TestClient) -> None:
        assert "<script>alert" not in client.get("/<script>alert(1)</script>").text

    @pytest.mark.parametrize("path", ["/no-such-page", "/api/no-such-route"])
    def test_pages_are_for_people_and_json_for_programs(self, client: TestClient, path: str) -> None:
        expected = "application/json" if path.startswith("/api/") else "text/html; charset=utf-8"
        assert client.get(path).headers["content-type"] == expected

    def test_a_failure_of_ours_is_known_by_its_number(self, client: TestClient) -> None:
        answer = client.get("/embed.js", headers={"X-Request-Id": "0123456789abcdef"})
        assert answer.status_code == 503
        assert "<code>0123456789abcdef</code>" in answer.text
