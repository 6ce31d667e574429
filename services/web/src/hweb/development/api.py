"""`POST /api/annotations/{id}/reindex`: for tests of clients, which want to search for what they have just saved.

Source: specification of the API, section 1.2 with its correction in section 14.
"""

from uuid import UUID

from fastapi import APIRouter
from hcommon.errors import ErrorKind, HError
from hcommon.search.choice import search_writer
from hcommon.search.document import read_batch
from starlette.responses import Response

from hweb.annotations import service as annotations
from hweb.annotations.shapes import IndexedAnnotation
from hweb.deps import ResourcesDep
from hweb.openapi import operation
from hweb.responses import JSON

router = APIRouter(tags=["development"])


class NotIndexedError(HError):
    """There is no such annotation, or this is no development installation."""

    kind = ErrorKind.NOT_FOUND


@router.post(
    "/api/annotations/{annotation_id}/reindex",
    name="annotation.reindex",
    openapi_extra=operation(answer=IndexedAnnotation, fails=(404,)),
)
def reindex(annotation_id: str, held: ResourcesDep) -> Response:
    """Bring the search index up to date with one annotation, and answer when searches see it."""
    if not held.settings.dev:
        raise NotIndexedError("Annotations are indexed by themselves here.")
    key = annotations.key_of(annotation_id)
    with held.database.read() as connection:
        batch = read_batch(connection, [key])
    if not batch.documents:
        raise NotIndexedError("There is no such annotation.")
    writer = search_writer(held.settings, database=held.database)
    writer.write(batch)
    # Looking at what the index has makes it show what was written.
    writer.revisions(after=UUID(int=key.int - 1), upto=key)
    return JSON({"id": annotation_id, "indexed": True})
