"""`/groups/…`."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hweb.deps import SessionUserDep
from hweb.templating import page

router = APIRouter(include_in_schema=False)


@router.get("/groups/new", name="groups.new")
def new_group(request: Request, principal: SessionUserDep) -> Response:
    """Say how a group is made."""
    return page(request, "groups/new.html.jinja2", anonymous=principal.user_id is None)


@router.get("/groups/{pubid}", name="groups.page")
@router.get("/groups/{pubid}/{slug}", name="groups.page")
async def group(pubid: str) -> Response:
    """Lead to what a group wrote; the page there shows what its visitor may see."""
    return RedirectResponse(f"/stream?{urlencode({'q': f'group:{pubid}'})}", status_code=302)
