"""JSON bodies of requests; how long they may be is the middleware's affair."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from hcommon.errors import HError
from starlette.concurrency import run_in_threadpool

LARGE_BODY_BYTES = 256 * 1024
"""Above it, a body is parsed in a thread, so that no other request waits for it."""


class InvalidBodyError(HError):
    """The body is not JSON, or not of the form asked for."""


async def _json_value(request: Request) -> Any:
    body = await request.body()
    try:
        if len(body) > LARGE_BODY_BYTES:
            return await run_in_threadpool(orjson.loads, body)
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBodyError(f"The body is not valid JSON: {error}.") from error


async def json_body(request: Request) -> dict[str, Any]:
    """Return the request's body, which must be a JSON object.

    Lone surrogates, which no database stores, infinite numbers and more than 1024 levels are not JSON either.

    Raises:
        InvalidBodyError: It is not one, or not JSON.
    """
    value = await _json_value(request)
    if not isinstance(value, dict):
        raise InvalidBodyError("The body must be a JSON object.")
    return value


async def optional_json_body(request: Request) -> dict[str, Any]:
    """Return the request's body, which must be a JSON object; an empty body says nothing.

    Raises:
        InvalidBodyError: It is something else.
    """
    return await json_body(request) if await request.body() else {}


JSONBody = Annotated[dict[str, Any], Depends(json_body)]
"""Parameter of a route that takes a JSON object."""

OptionalJSONBody = Annotated[dict[str, Any], Depends(optional_json_body)]
"""Parameter of a route that takes a JSON object or nothing."""
