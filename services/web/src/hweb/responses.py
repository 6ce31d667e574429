"""JSON responses."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


class JSON(Response):
    """JSON encoded by orjson; stored JSON inside goes out as it is (`orjson.Fragment`)."""

    media_type = "application/json"
    body: bytes

    def __init__(self, content: Any, *, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(content), status_code=status_code, headers=headers)

    def render(self, content: Any) -> bytes:
        """Return the bytes that were encoded already."""
        return content if isinstance(content, bytes) else orjson.dumps(content)


def failure(status_code: int, reason: str | None, *, headers: Mapping[str, str] | None = None) -> JSON:
    """Return an error in the API's shape.

    Source: specification of the API, section 1.1, 'Error format'.
    """
    return JSON({"status": "failure", "reason": reason}, status_code=status_code, headers=headers)
