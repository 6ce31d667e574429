"""What `Description` finds in an answer that is not as the document says."""

from typing import Any

import pytest
from httpx2 import Request, Response

from services.web.tests.described import Description

BEARER = {"Authorization": "Bearer 6879-x"}
VERSION = {"Hypothesis-Media-Type": "v1"}
HEADER = {"schema": {"type": "string"}}
NOTE = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
NOTES = {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}
LINES = {"application/x-ndjson": {"schema": {"type": "string", "contentSchema": NOTES}}}
OF_LINES = {"Content-Type": "application/x-ndjson"}
DOCUMENT: dict[str, Any] = {
    "components": {"schemas": {"Note": NOTE}},
    "paths": {
        "/notes/{name}": {"get": {"security": [{}], "responses": {"404": {}}}},
        "/notes/{id}": {
            "put": {
                "security": [{"bearer": []}],
                "requestBody": {"content": JSON},
                "responses": {
                    "200": {"content": JSON, "headers": dict.fromkeys(VERSION, HEADER)},
                    "201": {"content": LINES},
                    "204": {},
                    "429": {"headers": {"Retry-After": {"schema": {"type": "integer"}}}},
                },
            }
        },
        "/notes/{id}.txt": {"put": {"security": [{}], "responses": {"204": {}}}},
    },
}


def check(answer: Response, *, path: str = "/notes/1", sent: bytes = b'{"id": "1"}', **headers: str) -> None:
    answer.request = Request("PUT", f"http://example.org{path}", headers=headers, content=sent)
    Description(DOCUMENT).check(answer)


class TestCheck:
    def test_what_is_as_described_passes(self) -> None:
        check(Response(200, json={"id": "1"}, headers=VERSION), **BEARER)
        check(Response(429, headers={"Retry-After": "5"}))
        check(Response(201, text='{"id": "1"}\n{"id": "2"}\n', headers=OF_LINES), **BEARER)
        check(Response(201, text="", headers=OF_LINES), **BEARER)
        check(Response(204), path="/notes/1.txt", sent=b"")
        check(Response(204), sent=b'{"id": "1", "more": 1}', **BEARER)
        check(Response(500), path="/elsewhere")

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            (Response(404), "no such status"),
            (Response(200, json={"id": "1"}), "Hypothesis-Media-Type: sent is None"),
            (Response(204, headers=VERSION), "Hypothesis-Media-Type: sent is 'v1'"),
            (Response(204, content=b"x"), "the document has no body"),
            (Response(200, text="x", headers=VERSION), "the document has no 'text/plain'"),
            (Response(200, json={"id": 1}, headers=VERSION), "answer.id: 1 is not of type"),
            (Response(200, json={"id": "1", "more": 1}, headers=VERSION), "'more' was unexpected"),
            (Response(201, text='{"id": "1"}\n{"id": 2}\n', headers=OF_LINES), "answer.id: 2 is not of type"),
            (Response(201, text='{"id": "1", "more": 1}\n', headers=OF_LINES), "'more' was unexpected"),
            (Response(429, headers={"Retry-After": "soon"}), "'soon' is no number"),
        ],
    )
    def test_what_is_not_fails(self, answer: Response, problem: str) -> None:
        with pytest.raises(pytest.fail.Exception, match=problem):
            check(answer, **BEARER)

    def test_so_does_what_ought_to_have_been_refused(self) -> None:
        with pytest.raises(pytest.fail.Exception, match="answered without any of"):
            check(Response(204))
        with pytest.raises(pytest.fail.Exception, match=r"body\.id: 1 is not of type"):
            check(Response(204), sent=b'{"id": 1}', **BEARER)
