"""Pages behind links of the API that no feature serves; asked last, so that a feature's own page wins."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hweb.templating import page

router = APIRouter(include_in_schema=False)


@router.get("/forgot-password", name="site.forgot_password")
async def forgot_password(request: Request) -> Response:
    """Say who can help with a lost password."""
    return page(request, "site/forgot_password.html.jinja2")
