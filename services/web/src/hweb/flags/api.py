"""`PUT /api/annotations/{id}/flag`.

Source: specification of the API, section 1.12.
"""

from fastapi import APIRouter
from starlette.responses import Response

from hweb.annotations import service as annotations
from hweb.annotations.service import AnnotationNotFoundError
from hweb.deps import WriteDep
from hweb.flags import service
from hweb.openapi import BEARER, operation
from hweb.repeatable import RepeatableRoute

router = APIRouter(tags=["flags"], route_class=RepeatableRoute)


@router.put(
    "/api/annotations/{annotation_id}/flag",
    name="annotation.flag",
    status_code=204,
    openapi_extra=operation(status=204, fails=(404, 429), access=(BEARER,)),
)
def flag(annotation_id: str, write: WriteDep) -> Response:
    """Report an annotation to the moderators of its group; it cannot be withdrawn."""
    key = annotations.key_of(annotation_id)
    with write() as writer:
        annotations.readable(writer.session, annotation_id=key, principal=writer.principal)
        if writer.principal.user_id is None:
            raise AnnotationNotFoundError("Log in to report an annotation.")
        service.flag(writer.session, annotation_id=key, user_id=writer.principal.user_id, now=writer.now)
    return Response(status_code=204)
