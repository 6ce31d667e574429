"""`/api/annotations`: create, read, change, delete.

Source: specification of the API, sections 1.5 to 1.9.
"""

from typing import Final

import orjson
from fastapi import APIRouter
from hcommon.presentation.annotation import present_all
from starlette.responses import Response

from hweb.annotations import jsonld, schemas, service, shapes
from hweb.annotations.service import AnnotationNotFoundError
from hweb.bodies import JSONBody
from hweb.deps import CookieReadDep, LinksDep, ReadDep, WriteDep, Writer
from hweb.openapi import ANYBODY, BEARER, COOKIE, operation
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON

router = APIRouter(tags=["annotations"], route_class=RepeatableRoute)

JSON_LD: Final = "application/ld+json"


@router.post(
    "/api/annotations",
    name="annotation.create",
    openapi_extra=operation(
        body=shapes.NewAnnotation, answer=shapes.Annotation, fails=(404, 413, 429), access=(BEARER,)
    ),
)
def create(write: WriteDep, links: LinksDep, body: JSONBody) -> Response:
    """Save a new annotation and answer with it; 200."""
    with write() as writer:
        _require_user(writer)
        annotation_id = service.create(
            writer.session,
            author=writer.principal,
            annotation=schemas.new_annotation(body),
            now=writer.now,
            client_id=writer.client_id,
        )
        presented = service.presented(
            writer.session, annotation_id=annotation_id, principal=writer.principal, links=links
        )
    return JSON(presented)


@router.get(
    "/api/annotations/{annotation_id}.jsonld",
    name="annotation.jsonld",
    openapi_extra=operation(
        answer=shapes.WebAnnotation, media_type=JSON_LD, fails=(404,), access=(BEARER, ANYBODY), cached=True
    ),
)
def read_json_ld(annotation_id: str, read: ReadDep, links: LinksDep) -> Response:
    """Answer with one annotation as W3C JSON-LD."""
    key = service.key_of(annotation_id)
    with read() as reader:
        row = service.readable(reader.connection, annotation_id=key, principal=reader.principal)
    [presented] = present_all([row], principal=reader.principal, links=links)
    selectors = orjson.loads(row["target_selectors"] or "[]")
    return JSON(jsonld.json_ld(presented, selectors), headers={"Content-Type": jsonld.CONTENT_TYPE})


# After the one above, whose address it would match too.
@router.get(
    "/api/annotations/{annotation_id}",
    name="annotation.read",
    openapi_extra=operation(answer=shapes.Annotation, fails=(404,), access=(BEARER, COOKIE, ANYBODY), cached=True),
)
def read_one(annotation_id: str, read: CookieReadDep, links: LinksDep) -> Response:
    """Answer with one annotation."""
    key = service.key_of(annotation_id)
    with read() as reader:
        presented = service.presented(reader.connection, annotation_id=key, principal=reader.principal, links=links)
    return JSON(presented)


@router.patch(
    "/api/annotations/{annotation_id}",
    name="annotation.update",
    openapi_extra=operation(
        body=shapes.AnnotationUpdate, answer=shapes.Annotation, fails=(404, 413, 429), access=(BEARER,)
    ),
)
@router.put(
    "/api/annotations/{annotation_id}",
    name="annotation.update",
    operation_id="annotation_replace",
    openapi_extra=operation(
        body=shapes.AnnotationUpdate, answer=shapes.Annotation, fails=(404, 413, 429), access=(BEARER,)
    ),
)
def update(annotation_id: str, write: WriteDep, links: LinksDep, body: JSONBody) -> Response:
    """Change the fields that the body names, and answer with the whole annotation."""
    key = service.key_of(annotation_id)
    with write() as writer:
        _require_user(writer)
        service.update(
            writer.session,
            author=writer.principal,
            annotation_id=key,
            change=schemas.annotation_change(body),
            now=writer.now,
            client_id=writer.client_id,
        )
        presented = service.presented(writer.session, annotation_id=key, principal=writer.principal, links=links)
    return JSON(presented)


@router.delete(
    "/api/annotations/{annotation_id}",
    name="annotation.delete",
    openapi_extra=operation(answer=shapes.DeletedAnnotation, fails=(404, 429), access=(BEARER,)),
)
def delete(annotation_id: str, write: WriteDep) -> Response:
    """Delete an annotation."""
    key = service.key_of(annotation_id)
    with write() as writer:
        service.delete(
            writer.session, author=writer.principal, annotation_id=key, now=writer.now, client_id=writer.client_id
        )
    return JSON({"id": annotation_id, "deleted": True})


def _require_user(writer: Writer) -> None:
    """Refuse anonymous callers before their body is looked at."""
    if writer.principal.user_id is None:
        raise AnnotationNotFoundError("Log in to annotate.")
