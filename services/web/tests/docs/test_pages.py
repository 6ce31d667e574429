"""The reference of the API."""

import re

from hweb.docs.reference import sections
from starlette.testclient import TestClient


class TestReference:
    def test_it_shows_every_operation_of_the_api(self, client: TestClient) -> None:
        page = client.get("/docs").text
        for path, operations in client.get("/api/openapi.json").json()["paths"].items():
            if path.startswith("/api/"):
                for method in operations:
                    assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in page

    def test_names_in_its_texts_are_code(self, client: TestClient) -> None:
        page = client.get("/docs").text
        assert "<code>event</code>" in page
        assert "`" not in page
        assert "Source:" not in page

    def test_its_anchors_are_unique(self, client: TestClient) -> None:
        anchors = re.findall(r'id="([^"]+)"', client.get("/docs").text)
        assert len(anchors) == len(set(anchors))

    def test_cookies_are_named_where_they_count_and_nowhere_else(self, client: TestClient) -> None:
        page = client.get("/docs").text
        basics = page[: page.index('id="contents"')]
        paths = client.get("/api/openapi.json").json()["paths"]
        for path, operations in paths.items():
            for method, operation in operations.items():
                if path.startswith("/api/"):
                    counts = any("cookie" in way for way in operation["security"])
                    assert (f"{method.upper()} {path}</a>" in basics) is counts, path
        assert page.count("the session&#39;s cookie") == basics.count("</a>, ") + 1

    def test_the_site_itself_is_not_in_it(self, client: TestClient) -> None:
        paths = client.get("/api/openapi.json").json()["paths"]
        assert not {"/welcome", "/docs", "/app.html", "/embed.js", "/_status"} & paths.keys()


class TestSections:
    def test_an_operation_is_told_in_words_for_users(self) -> None:
        description = "Do it.\n\nFirst\nthis. Source: a page.\n\nRaises:\n    X: never.\n\nSource: a file."
        parameters = [{"name": "q", "in": "query", "required": False, "description": "What."}]
        values = {"tags": ["things"], "description": description, "parameters": parameters}
        values["security"] = [{"bearer": []}, {"cookie": [], "csrf": []}]
        document = {"paths": {"/api/x/{id}": {"put": values}}}
        [section] = sections(document)
        [operation] = section.operations
        assert (section.title, section.anchor) == ("Things", "things")
        assert (operation.summary, operation.paragraphs) == ("Do it.", ("First this.",))
        assert (operation.method, operation.anchor) == ("PUT", "put-x-id")
        assert operation.parameters[0].description == "What."
        assert operation.callers[0] == "a user, with a token"
        assert operation.takes_cookie

    def test_one_without_words_is_listed_by_its_name(self) -> None:
        [section] = sections({"paths": {"/api/x": {"get": {"summary": "X"}}, "/other": {"get": {}}}})
        assert (section.title, [operation.summary for operation in section.operations]) == ("Other", ["X"])
