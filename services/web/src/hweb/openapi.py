"""The OpenAPI document: each route says what it takes and answers, and this puts the parts together.

Routes read their bodies themselves and answer with ready responses, so that nothing is validated twice on busy paths;
`operation` describes both beside the route, from types that serve no other purpose. `document` makes the whole:
components for all types, and none of what the framework assumes and this service does not do (422).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from hweb.visitor import SESSION_COOKIE

JSON_TYPE: Final = "application/json"
NDJSON_TYPE: Final = "application/x-ndjson"

BEARER: Final = "bearer"
BASIC: Final = "basic"
COOKIE: Final = "cookie"
SESSION: Final = "session"
"""Ways to prove who one is, to be named in `access`: of the site's own cookie, `SESSION` needs no token beside it."""

ANYBODY: Final = "anybody"
"""In `access`: nothing needs to be proved, though more may be seen by those who do."""

_RESPONSES: Final = "x-responses"
_REF: Final = "#/components/schemas/"
_REQUIREMENTS: Final[Mapping[str, dict[str, list[str]]]] = {
    ANYBODY: {},
    BEARER: {"bearer": []},
    BASIC: {"basic": []},
    COOKIE: {"cookie": [], "csrf": []},
    SESSION: {"cookie": []},
}
_SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A developer token, or one of `/api/token`."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Id and secret of an application; with `X-Forwarded-User` it acts for a user.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The session of the site's own pages.",
    },
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "The token of such a page."},
}
_REASONS: Final = {
    400: "Something in the request cannot be; `reason` says what.",
    404: "There is no such thing, or the caller may not see it or do this to it.",
    406: "No media type of `Accept` is one of this API's versions.",
    409: "It is in conflict with what is there.",
    413: "The body, or a part of it, is too large.",
    429: "The caller asks too much; `Retry-After` says in how many seconds to try again.",
    503: "Something that this needs is away; `Retry-After` says in how many seconds to try again.",
}
_ALWAYS: Final = (400, 503)
_FRAMEWORKS: Final = frozenset({"HTTPValidationError", "ValidationError"})
_LATER: Final = frozenset({429, 503})
_LIMITED: Final = 429
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_UNAUTHORIZED: Final = 401
_FIRST_FAILURE: Final = 400


class Failure(TypedDict):
    """What every refusal answers."""

    status: str
    """Always `failure`."""
    reason: str
    """For people to read."""


def operation(
    *,
    answer: Any = None,
    media_type: str = JSON_TYPE,
    status: int = 200,
    also: Mapping[int, tuple[str, Any, str]] | None = None,
    body: Any = None,
    body_type: str = JSON_TYPE,
    body_required: bool = True,
    fails: Collection[int] = (),
    access: Collection[str] = (ANYBODY,),
    versioned: bool = True,
    cached: bool = False,
) -> dict[str, Any]:
    """Return what describes a route, for `openapi_extra`.

    Args:
        answer: Type of the answer's body, or of a line of it if that is NDJSON; None for an empty one.
        media_type: Of the answer.
        status: Of the answer when all is well.
        also: Other answers than those and failures: words, type and media type by status.
        body: Type of the request's body; None for none.
        body_type: Its media type.
        body_required: Whether it must be sent.
        fails: Statuses of failures, besides those that every route has.
        access: Which credentials count; those that come first are preferred.
        versioned: Whether `Accept` chooses the version.
        cached: Whether a client may ask for it only if it has changed (`If-None-Match`).
    """
    responses: dict[int, dict[str, Any]] = {status: _answer("As asked for.", answer, media_type)}
    for code, (words, kind, of_type) in (also or {}).items():
        responses[code] = _answer(words, kind, of_type)
    if cached:
        responses[_NOT_MODIFIED] = {"description": "It is as the `If-None-Match` of the request says."}
    for code in {*_ALWAYS, *fails, *((406,) if versioned else ())} - responses.keys():
        responses[code] = _answer(_REASONS[code], Failure, JSON_TYPE)
    for code, response in responses.items():
        if headers := _answer_headers(code, versioned=versioned, cached=cached):
            response["headers"] = headers
    extra: dict[str, Any] = {
        _RESPONSES: {str(code): response for code, response in sorted(responses.items())},
        "security": [_REQUIREMENTS[name] for name in access],
    }
    if parameters := [*_request_headers(access, counted=_LIMITED in fails, cached=cached)]:
        extra["parameters"] = parameters
    if body is not None:
        extra["requestBody"] = {"required": body_required, "content": {body_type: {"schema": _schema(body)}}}
    return extra


def install(app: FastAPI) -> None:
    """Let the application show this document instead of the framework's own."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # the framework's way of doing this


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation, which generated clients call their functions by."""
    return route.name.replace(".", "_")


def _document(app: FastAPI) -> dict[str, Any]:
    values = get_openapi(
        title=app.title, version=app.version, summary=app.summary, openapi_version="3.1.0", routes=app.routes
    )
    found = values.get("components", {}).get("schemas", {})
    components = {name: schema for name, schema in found.items() if name not in _FRAMEWORKS}
    for one in _operations(values):
        if _RESPONSES in one:
            one["responses"] = one.pop(_RESPONSES)
        for content in _contents(one):
            lines = content["schema"].get("contentSchema")
            if lines is None:
                content["schema"] = _hoisted(content["schema"], components)
            else:
                lines["items"] = _hoisted(lines["items"], components)
    values["components"] = {"schemas": dict(sorted(components.items())), "securitySchemes": _SECURITY_SCHEMES}
    return values


def _operations(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in values["paths"].values():
        yield from item.values()


def _contents(one: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return every description of a body that has a schema."""
    for part in (one.get("requestBody", {}), *one["responses"].values()):
        yield from part.get("content", {}).values()


def _hoisted(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Move the types that a schema defines to the components, and the schema too if it has a name."""
    schema = dict(schema)
    components.update(schema.pop("$defs", {}))
    name = schema.get("title")
    if name is None or schema.get("type") != "object":
        return schema
    components[name] = schema
    return {"$ref": _REF + name}


def _schema(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(ref_template=_REF + "{model}")


def _answer(words: str, kind: Any, media_type: str) -> dict[str, Any]:
    if kind is None:
        return {"description": words}
    schema = _lines(kind) if media_type == NDJSON_TYPE else _schema(kind)
    return {"description": words, "content": {media_type: {"schema": schema}}}


def _lines(kind: Any) -> dict[str, Any]:
    """Return a text of JSON values a line, which OpenAPI 3.1 has no word for: it is one text, read as an array."""
    return {
        "type": "string",
        "description": "A JSON value a line; `contentSchema` describes them as an array.",
        "contentMediaType": NDJSON_TYPE,
        "contentSchema": {"type": "array", "items": _schema(kind)},
    }


def _answer_headers(code: int, *, versioned: bool, cached: bool) -> dict[str, Any]:
    headers = {}
    if versioned and (code < _FIRST_FAILURE or code == _UNAUTHORIZED):
        headers["Hypothesis-Media-Type"] = _header("Version of the answer.")
    if cached and code in (_OK, _NOT_MODIFIED):
        headers["ETag"] = _header("What to send as `If-None-Match` next time.")
    if code == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = _header("How to prove who one is.")
    if code in _LATER:
        headers["Retry-After"] = _header("Seconds.", kind="integer")
    return headers


def _request_headers(access: Collection[str], *, counted: bool, cached: bool) -> Iterator[dict[str, Any]]:
    """Return the request's headers that mean something beside its credentials."""
    if BASIC in access:
        yield _parameter("X-Forwarded-User", "The userid for whom an application with Basic credentials asks.")
    if cached:
        yield _parameter("If-None-Match", "The `ETag` of an answer that the caller has.")
    elif BEARER in access and counted:
        yield _parameter("X-Client-Id", "The tab whose socket is not to be told of this change.")


def _parameter(name: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": words, "required": False, "schema": {"type": "string"}}


def _header(words: str, *, kind: str = "string") -> dict[str, Any]:
    return {"description": words, "required": True, "schema": {"type": kind}}
