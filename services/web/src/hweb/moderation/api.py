"""`/api/annotations/{id}/hide` and `/moderation`, and a group's moderation queue.

Source: specification of the API, sections 1.11 and 1.12.
"""

from fastapi import APIRouter
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import MODERATING_ROLES
from hcommon.presentation.annotation import present_all
from starlette.responses import Response

from hweb.annotations import service as annotations
from hweb.annotations.service import AnnotationNotFoundError
from hweb.annotations.shapes import Annotation
from hweb.bodies import JSONBody
from hweb.deps import CookieReadDep, CookieWriteDep, LinksDep, WriteDep, Writer, WriterFactory
from hweb.groups import queries as groups
from hweb.groups.service import GroupNotFoundError
from hweb.moderation import queries, schemas, service
from hweb.openapi import BEARER, COOKIE, operation
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON

router = APIRouter(tags=["moderation"], route_class=RepeatableRoute)


@router.put(
    "/api/annotations/{annotation_id}/hide",
    name="annotation.hide",
    status_code=204,
    openapi_extra=operation(status=204, fails=(404, 429), access=(BEARER,)),
)
def hide(annotation_id: str, write: WriteDep) -> Response:
    """Hide an annotation from all but its author and moderators: its status becomes SPAM."""
    return _set_status(write, annotation_id, ModerationStatus.SPAM)


@router.delete(
    "/api/annotations/{annotation_id}/hide",
    name="annotation.unhide",
    status_code=204,
    openapi_extra=operation(status=204, fails=(404, 429), access=(BEARER,)),
)
def unhide(annotation_id: str, write: WriteDep) -> Response:
    """Show an annotation again: its status becomes APPROVED."""
    return _set_status(write, annotation_id, ModerationStatus.APPROVED)


@router.patch(
    "/api/annotations/{annotation_id}/moderation",
    name="annotation.moderate",
    openapi_extra=operation(
        body=schemas.ModerationVerdict, answer=Annotation, fails=(404, 409, 413, 429), access=(BEARER, COOKIE)
    ),
)
def moderate(annotation_id: str, write: CookieWriteDep, links: LinksDep, body: JSONBody) -> Response:
    """Set the moderation status, and answer with the annotation; 409 if it is not what the moderator saw.

    The body has `moderation_status`, `annotation_updated` (the annotation's `updated`) and may have
    `current_moderation_status`.
    """
    key = annotations.key_of(annotation_id)
    with write() as writer:
        _require_moderator(writer)
        service.judge(
            writer.session,
            moderator=writer.principal,
            annotation_id=key,
            verdict=schemas.verdict(body),
            now=writer.now,
            client_id=writer.client_id,
        )
        presented = annotations.presented(writer.session, annotation_id=key, principal=writer.principal, links=links)
    return JSON(presented)


@router.get(
    "/api/groups/{group_id}/annotations",
    name="group.annotations.read",
    openapi_extra=operation(answer=schemas.ModerationQueue, fails=(404,), access=(BEARER, COOKIE), cached=True),
)
def group_annotations(
    group_id: str,
    *,
    read: CookieReadDep,
    links: LinksDep,
    moderation_status: schemas.StatusQuery = None,
    after: schemas.AfterQuery = None,
    size: schemas.SizeQuery = schemas.DEFAULT_PAGE,
) -> Response:
    """List a group's shared annotations and replies for its moderators, the newest first.

    `total` counts all of the status asked for, not only those after the cursor.
    """
    before = schemas.cursor(after)
    with read() as reader:
        principal = reader.principal
        group = groups.readable_group(reader.connection, name=group_id, principal=principal)
        if group is None or principal.roles.get(group["id"]) not in MODERATING_ROLES:
            raise GroupNotFoundError("There is no such group, or you do not moderate it.")
        rows = queries.queue(
            reader.connection,
            group_id=group["id"],
            principal=principal,
            status=moderation_status,
            before=before,
            limit=size,
        )
        total = queries.queue_length(
            reader.connection, group_id=group["id"], principal=principal, status=moderation_status
        )
    data = present_all(rows, principal=principal, links=links)
    return JSON({"meta": {"page": {"total": total}}, "data": data})


def _set_status(write: WriterFactory, annotation_id: str, status: ModerationStatus) -> Response:
    key = annotations.key_of(annotation_id)
    with write() as writer:
        service.set_status(
            writer.session,
            moderator=writer.principal,
            annotation_id=key,
            status=status,
            now=writer.now,
            client_id=writer.client_id,
        )
    return Response(status_code=204)


def _require_moderator(writer: Writer) -> None:
    """Refuse those who moderate nothing before their body is looked at."""
    if not writer.principal.moderated_group_ids:
        raise AnnotationNotFoundError("You do not moderate this annotation.")
