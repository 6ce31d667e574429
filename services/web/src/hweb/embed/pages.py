"""The loader for host pages, the client's files, and the pages that the client runs in."""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from hcommon.errors import ErrorKind, HError
from hcommon.ids import InvalidIdError, InvalidUseridError, annotation_id_from_urlsafe, split_userid
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from hweb.deps import SettingsDep
from hweb.embed import addresses
from hweb.embed.client import installed
from hweb.files import CROSS_ORIGIN, FIVE_MINUTES, FOR_EVER, hold, respond
from hweb.settings import Settings
from hweb.templating import render

router = APIRouter(include_in_schema=False)

_PLAIN_WORD = re.compile(r"[\w-]+")


class AnnotationPageNotFoundError(HError):
    """The address of a page holds what is no annotation's id."""

    kind = ErrorKind.NOT_FOUND


@router.get("/embed.js", name="embed.loader")
async def loader(request: Request, settings: SettingsDep) -> Response:
    """Answer with the script that starts the client in the page that it is in."""
    config = addresses.host_page_config(settings, version=installed(settings).version)
    script = render(request, "embed/embed.js.jinja2", config=config)
    return respond(request, hold(script.encode(), suffix=".js"), cache_control=FIVE_MINUTES, headers=CROSS_ORIGIN)


@router.get("/client/{version}/build/{name:path}", name="embed.asset")
async def asset(request: Request, settings: SettingsDep, version: str, name: str) -> Response:
    """Answer with a file of the client.

    Files that the client names with a hash may be kept for ever. Another version than ours is asked for by pages from
    before or after an update; they get ours, and not for long.
    """
    client = installed(settings)
    held = client.build.peek(name)
    if held is None:
        held = await run_in_threadpool(client.build.get, name)
    lasting = version == client.version and bool(request.url.query) and name != "boot.js"
    return respond(request, held, cache_control=FOR_EVER if lasting else FIVE_MINUTES, headers=CROSS_ORIGIN)


@router.get("/app.html", name="embed.sidebar")
@router.get("/notebook", name="embed.notebook")
@router.get("/notebook.html", name="embed.notebook")
@router.get("/user-profile", name="embed.profile")
async def framed_app(request: Request, settings: SettingsDep) -> Response:
    """Answer with the page of the sidebar, the notebook or the profile, which any site may frame."""
    return _app(request, settings, framed=True)


@router.get("/stream", name="embed.stream")
async def stream(request: Request, settings: SettingsDep) -> Response:
    """Answer with the page that searches for `?q=`."""
    return _app(request, settings, framed=False)


@router.get("/search", name="embed.search")
async def search(q: str = "") -> Response:
    """Lead from the address that searches had elsewhere to the page that searches."""
    return RedirectResponse(f"/stream?{urlencode({'q': q})}" if q else "/stream", status_code=302)


@router.get("/a/{annotation_id}", name="embed.annotation")
async def annotation(request: Request, settings: SettingsDep, annotation_id: str) -> Response:
    """Answer with the page of one annotation, whoever asks.

    Whether there is such an annotation, and for whom, the page asks with its own token: a browser's cookie does not
    tell what the user, logged in through the sidebar, may read.

    Raises:
        AnnotationPageNotFoundError: No annotation can have this id.
    """
    try:
        annotation_id_from_urlsafe(annotation_id)
    except InvalidIdError as error:
        raise AnnotationPageNotFoundError("There is no such annotation.") from error
    return _app(request, settings, framed=False)


@router.get("/t/{tag:path}", name="embed.tag")
async def tag(tag: Annotated[str, Path(min_length=1)]) -> Response:
    """Lead to everything with a tag."""
    return _to_stream("tag", tag)


@router.get("/u/{user}", name="embed.user")
@router.get("/users/{user}", name="embed.user")
async def user(settings: SettingsDep, user: str) -> Response:
    """Lead to everything by a user, who is named by username or userid."""
    try:
        username, authority = split_userid(user)
    except InvalidUseridError:
        return _to_stream("user", user)
    return _to_stream("user", username if authority == settings.authority else user)


def _to_stream(field: str, value: str) -> Response:
    if not _PLAIN_WORD.fullmatch(value):
        mark = "'" if '"' in value else '"'
        value = f"{mark}{value}{mark}"
    return RedirectResponse(f"/stream?{urlencode({'q': f'{field}:{value}'})}", status_code=302)


def _app(request: Request, settings: Settings, *, framed: bool) -> Response:
    config = addresses.app_config(settings, version=installed(settings).version)
    html = render(request, "embed/app.html.jinja2", config=config)
    headers = {
        "Content-Security-Policy": addresses.app_policy(settings, framed=framed),
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return respond(request, hold(html.encode(), suffix=".html"), cache_control=FIVE_MINUTES, headers=headers)
