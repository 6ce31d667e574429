"""The Jinja2 environment and the pages made with it.

Every page extends `base.html.jinja2` (blocks `title`, `head`, `content`). Its header needs to know who looks: the
dependencies of the accounts feature put that into `request.state.user` (something with a `username`) and
`request.state.csrf_token`; a route may also pass `user` and `csrf_token` itself, or `anonymous=True` when it knows that
nobody is logged in. Pages that neither know nor need it show a neutral link to the account.
"""

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hweb.files import site_files

TEMPLATES = Path(__file__).parent / "templates"
PRIVATE = "private, no-cache"
"""Caching of pages that show who is logged in."""

SERVER_ERROR = 500
_HEADINGS = {
    401: "Log in first",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This page cannot do that",
    413: "That was too much",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not available at the moment",
}
_STATUSES = frozenset(HTTPStatus)
# In place of the bare name of the status, when nobody said more.
_EXPLANATIONS = {
    404: "The address may be mistyped, the page may be gone, or you may not be allowed to see it.",
    405: "Something asked for it in a way that it does not understand. Go back and try again.",
}


@cache
def environment(*, auto_reload: bool = False) -> Environment:
    """Return the environment: everything escaped, an unknown name is an error.

    Args:
        auto_reload: Look for changed templates with each page.
    """
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=auto_reload,
    )
    made.globals["static"] = static_url
    return made


def static_url(name: str) -> str:
    """Return the URL of a file of `static/`, which changes with its content and can be cached for ever."""
    return f"/static/{name}?{site_files().get(name).version}"


def render(request: Request, template: str, **context: Any) -> str:
    """Return the text rendered from `templates/<template>` with plain data."""
    settings = request.app.state.resources.settings
    known = {
        "anonymous": False,
        "user": getattr(request.state, "user", None),
        "csrf_token": getattr(request.state, "csrf_token", None),
        "app_url": settings.app_url,
        "password_login": settings.password_login,
        "provider_name": settings.provider_name,
        "request_path": request.url.path,
    }
    return environment(auto_reload=settings.dev).get_template(template).render(known | context)


def page(
    request: Request, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """Return a page rendered from `templates/<template>` with plain data.

    It isn't stored by shared caches unless `headers` says otherwise.
    """
    html = render(request, template, **context)
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": PRIVATE} | (headers or {}))


def error_page(request: Request, *, status: int, reason: str, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Return the page that says what went wrong; for failures of ours with the number that the log knows it by."""
    request_id = structlog.contextvars.get_contextvars().get("request_id") if status >= SERVER_ERROR else None
    return page(
        request,
        "error.html.jinja2",
        status=status,
        headers={"Cache-Control": "no-store"} | (headers or {}),
        code=status,
        heading=_HEADINGS.get(status, "That did not work"),
        reason=_EXPLANATIONS.get(status, reason) if reason == _phrase(status) else reason,
        request_id=request_id,
    )


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in _STATUSES else ""
