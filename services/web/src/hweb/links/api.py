"""`GET /api/` and `GET /api/links`, the same for everybody."""

import re
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from hweb.deps import SettingsDep
from hweb.files import FIVE_MINUTES
from hweb.links import catalog, schemas
from hweb.openapi import operation
from hweb.responses import JSON

router = APIRouter(tags=["links"])

_PLACEHOLDER = re.compile(r"\{[^}]*\}")
_CACHED = {"Cache-Control": FIVE_MINUTES}


@router.get("/api/", name="index", openapi_extra=operation(answer=schemas.Index, cached=True))
async def index(request: Request, settings: SettingsDep) -> Response:
    """List the API's addresses by name.

    Listed is what the client relies on, and whatever else this server answers.
    """
    served = _served(request.app.openapi())
    listed = [link for link in catalog.LINKS if link.required or (link.method, link.template) in served]
    return JSON({"links": catalog.index(settings, listed)}, headers=_CACHED)


@router.get("/api/links", name="links", openapi_extra=operation(answer=schemas.PageLinks, cached=True))
async def links(settings: SettingsDep) -> Response:
    """List the addresses of pages that clients lead to, and of the WebSocket."""
    return JSON(catalog.page_links(settings), headers=_CACHED)


def _served(openapi: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (method.upper(), _PLACEHOLDER.sub("{}", path))
        for path, operations in openapi["paths"].items()
        for method in operations
    }
