"""`/`, `/welcome` and the help page."""

from fastapi import APIRouter, Request
from hcommon.errors import UnavailableError
from starlette.responses import RedirectResponse, Response

from hweb.deps import ResourcesDep, SettingsDep, VisitorDep
from hweb.embed.addresses import host_page_policy
from hweb.resources import Resources
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

# Readable, as people see it before they drag it; a page that has the client already is left alone by the loader.
_BOOKMARKLET = (
    "javascript:(function(){{var s=document.createElement('script');s.src='{site}/embed.js';"
    "(document.body||document.documentElement).appendChild(s)}})()"
)


@router.get("/", name="home")
async def home(settings: SettingsDep) -> Response:
    """Lead to the welcome page, or where the operator wants visitors to go."""
    return RedirectResponse(settings.homepage_redirect_url or "/welcome", status_code=302)


@router.get("/welcome/", name="welcome")
@router.get("/docs/help", name="help")
async def to_welcome() -> Response:
    """Lead to the welcome page, which explains how everything is used."""
    return RedirectResponse("/welcome", status_code=302)


@router.get("/welcome", name="welcome")
def welcome(request: Request, held: ResourcesDep, visitor: VisitorDep) -> Response:
    """Show a page to try annotating on; the sidebar is embedded in it.

    It also shows while sessions cannot be read: then its header does not say who is logged in.
    """
    return page(
        request,
        "welcome/welcome.html.jinja2",
        headers={"Content-Security-Policy": host_page_policy(held.settings)},
        anonymous=_is_anonymous(held, visitor),
        bookmarklet=_BOOKMARKLET.format(site=held.settings.app_url),
    )


def _is_anonymous(held: Resources, visitor: Visitor) -> bool:
    """Return whether nobody is logged in, and otherwise let the page know who is."""
    try:
        if visitor.session is None:
            return True
        with held.database.read() as connection:
            return visitor.principal(connection).user_id is None
    except UnavailableError:
        return False
