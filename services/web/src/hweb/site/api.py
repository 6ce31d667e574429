"""`/static/…`, `/favicon.ico` and `/robots.txt`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hweb.files import FIVE_MINUTES, FOR_EVER, ONE_DAY, respond, site_files

router = APIRouter(include_in_schema=False)


@router.get("/static/{name:path}", name="site.static")
async def static(request: Request, name: str) -> Response:
    """Answer with a file of the site; with its version in the query it may be kept for ever."""
    held = site_files().get(name)
    current = request.url.query == held.version
    return respond(request, held, cache_control=FOR_EVER if current else FIVE_MINUTES)


@router.get("/favicon.ico", name="site.favicon")
async def favicon(request: Request) -> Response:
    """Answer with the icon; it is an SVG, which browsers take under this name too."""
    return respond(request, site_files().get("icon.svg"), cache_control=ONE_DAY)


@router.get("/robots.txt", name="site.robots")
async def robots(request: Request) -> Response:
    """Answer with what robots may read."""
    return respond(request, site_files().get("robots.txt"), cache_control=ONE_DAY)
