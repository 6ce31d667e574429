"""`/stream.atom` and `/stream.rss`: what was annotated last, or what a search finds.

Source: specification of the API, section 6.
"""

from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from hcommon.presentation.annotation import present_all
from starlette.responses import Response

from hweb.deps import ApiLimitsDep, LinksDep, Reader, SearchDep, SessionReadDep, SettingsDep
from hweb.feeds.entries import entry
from hweb.search import service
from hweb.search.parser import parse_search
from hweb.templating import PRIVATE, render

router = APIRouter(include_in_schema=False)

_TYPES: Final = {"atom": "application/atom+xml", "rss": "application/rss+xml"}


@router.get("/stream.atom", name="feeds.atom")
@router.get("/stream.rss", name="feeds.rss")
def feed(
    request: Request,
    *,
    read: SessionReadDep,
    backend: SearchDep,
    settings: SettingsDep,
    links: LinksDep,
    limits: ApiLimitsDep,
) -> Response:
    """Answer with a feed of the kind that the path ends with; it takes the parameters of a search."""

    def count(reader: Reader) -> None:
        limits.count_search(request, reader.principal, now=reader.now)

    found = service.search(read, backend, parse_search(request.query_params.multi_items()), count=count)
    host = urlsplit(settings.app_url).hostname or ""
    shown = present_all(found.rows, principal=found.principal, links=links)
    query = f"?{request.url.query}" if request.url.query else ""
    kind = request.url.path.rpartition(".")[2]
    xml = render(
        request,
        f"feeds/{kind}.xml.jinja2",
        entries=[
            entry(row, values, host=host, site=settings.app_url) for row, values in zip(found.rows, shown, strict=True)
        ],
        host=host,
        self_url=f"{settings.app_url}{request.url.path}{query}",
        page_url=f"{settings.app_url}/stream",
        updated=max([row["updated"] for row in found.rows], default=request.app.state.resources.clock.now()),
    )
    return Response(xml, media_type=f"{_TYPES[kind]}; charset=utf-8", headers={"Cache-Control": PRIVATE})
