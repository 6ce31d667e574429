"""`GET /api/search`."""

from typing import Any, Final

from fastapi import APIRouter, Request
from hcommon.presentation.annotation import present_all
from starlette.responses import Response

from hweb.deps import ApiLimitsDep, LinksDep, PageCacheDep, ReadDep, Reader, SearchDep
from hweb.openapi import ANYBODY, BEARER, operation
from hweb.pagecache.store import question_of, reader_of
from hweb.responses import JSON
from hweb.search import cursors, service
from hweb.search.parser import parse_search
from hweb.search.schemas import PARAMETERS, SearchResult

router = APIRouter(tags=["search"])

_DESCRIBED: Final = operation(answer=SearchResult, fails=(429,), access=(BEARER, ANYBODY), cached=True)
_OPERATION: Final = {**_DESCRIBED, "parameters": [*PARAMETERS, *_DESCRIBED["parameters"]]}


@router.get("/api/search", name="search", openapi_extra=_OPERATION)
def search(
    request: Request,
    *,
    read: ReadDep,
    backend: SearchDep,
    links: LinksDep,
    cache: PageCacheDep,
    limits: ApiLimitsDep,
) -> Response:
    """Find annotations that the caller may see.

    `total` counts all of them; `rows` are those of this page. While more rows follow, `next` is the `cursor` to ask for
    them with. Filters of different names are combined with AND.
    """
    asked = parse_search(request.query_params.multi_items())

    def count(reader: Reader) -> None:
        limits.count_search(request, reader.principal, now=reader.now)

    found = service.search(read, backend, asked, keep=cache.enabled, count=count)
    answer: dict[str, Any] = {
        "total": found.total,
        "rows": present_all(found.rows, principal=found.principal, links=links),
    }
    if found.replies is not None:
        answer["replies"] = present_all(found.replies, principal=found.principal, links=links)
    if found.next is not None:
        answer["next"] = cursors.encode(asked.query, found.next)
    response = JSON(answer)
    if found.revisions:
        cache.keep(question_of(request), reader_of(found.principal), found.revisions, response.body)
    return response
