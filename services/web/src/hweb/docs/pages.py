"""`/docs`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hweb.docs.reference import sections
from hweb.templating import page

router = APIRouter(include_in_schema=False)


@router.get("/docs", name="docs")
async def reference(request: Request) -> Response:
    """Show the reference of the API, made from the same document that programs get."""
    shown = sections(request.app.openapi())
    with_cookie = [operation for section in shown for operation in section.operations if operation.takes_cookie]
    return page(request, "docs/reference.html.jinja2", sections=shown, with_cookie=with_cookie)
