"""Holds answers against the OpenAPI document: no status, header, media type or key that it does not name."""

import json
import re
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
from httpx2 import Request, Response

SAID_WHERE_IT_HOLDS = ("ETag", "Hypothesis-Media-Type", "Retry-After", "WWW-Authenticate")
"""Headers that the document names where they are sent, and nowhere else."""

_CREDENTIALS = {"bearer": "Bearer ", "basic": "Basic "}
_PARAMETER = re.compile(r"\{\w+\}")


class Description:
    """What the document says of every operation, and whether an answer is like that.

    Answers are read as closed: the document has to name every key, except where it says that there may be others.
    Requests are not, since what is unknown in them is passed over; nor are their times held to one spelling.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]
        self._validators: dict[tuple[int, bool], Any] = {}
        # Of two that fit, the one with more in it that is literal comes first: `{id}.jsonld` before `{id}`.
        self._paths = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))), item)
            for path, item in sorted(document["paths"].items(), key=lambda pair: (pair[0].count("{"), -len(pair[0])))
        ]

    def check(self, answer: Response) -> None:
        """Fail unless the answer is as described; what is not in the document passes."""
        request = answer.request
        operation = self._operation(request)
        if operation is None:
            return
        answer.read()
        problems = list(self._problems(request, answer, operation))
        if problems:
            pytest.fail(f"{request.method} {request.url}, {answer.status_code}: " + "\n".join(problems))

    def _operation(self, request: Request) -> dict[str, Any] | None:
        method = "get" if request.method == "HEAD" else request.method.lower()
        path = request.url.raw_path.decode().partition("?")[0]
        return next((item[method] for pattern, item in self._paths if method in item and pattern.fullmatch(path)), None)

    def _problems(self, request: Request, answer: Response, operation: dict[str, Any]) -> Any:
        said = operation["responses"].get(str(answer.status_code))
        if said is None:
            yield f"the document has no such status: {answer.text[:200]}"
            return
        named = said.get("headers", {})
        for name in SAID_WHERE_IT_HOLDS:
            if (name in answer.headers) != (name in named):
                yield f"{name}: sent is {answer.headers.get(name)!r}, named is {name in named}"
            elif name in named and named[name]["schema"]["type"] == "integer" and not answer.headers[name].isdigit():
                yield f"{name}: {answer.headers[name]!r} is no number"
        if request.method != "HEAD":
            yield from self._body_problems(answer, said.get("content", {}))
        if answer.is_success:
            yield from self._request_problems(request, operation)

    def _body_problems(self, answer: Response, content: dict[str, Any]) -> Any:
        if not content:
            if answer.content:
                yield f"the document has no body: {answer.text[:200]}"
            return
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if media_type not in content:
            yield f"the document has no {media_type!r}"
        elif media_type == "application/json":
            yield from self._schema_problems(answer.json(), content[media_type]["schema"], answer=True)
        elif media_type == "application/x-ndjson":
            line_schema = content[media_type]["schema"]["contentSchema"]["items"]
            for line in answer.content.splitlines():
                yield from self._schema_problems(json.loads(line), line_schema, answer=True)

    def _request_problems(self, request: Request, operation: dict[str, Any]) -> Any:
        ways = operation["security"]
        credentials = request.headers.get("authorization", "")
        proved = {name for name, word in _CREDENTIALS.items() if credentials.startswith(word)}
        proved |= {"cookie", "csrf"} if "x-csrf-token" in request.headers else set()
        if not any(way.keys() <= proved for way in ways):
            yield f"answered without any of {ways}"
        [(media_type, body)] = operation.get("requestBody", {}).get("content", {}).items() or [("", None)]
        if media_type == "application/json" and request.content:
            yield from self._schema_problems(json.loads(request.content), body["schema"], answer=False)

    def _schema_problems(self, value: Any, schema: dict[str, Any], *, answer: bool) -> Any:
        key = (id(schema), answer)
        if key not in self._validators:
            whole = deepcopy({**schema, "components": self._components})
            if answer:
                _close(whole)
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=answer)
        for error in self._validators[key].iter_errors(value):
            where = ".".join(["answer" if answer else "body", *map(str, error.instance_path)])
            yield f"{where}: {error.message[:300]}"


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for part in schema:
            _close(part)
    elif isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _close(part)
