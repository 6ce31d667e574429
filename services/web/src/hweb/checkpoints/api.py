"""`/api/bulk/checkpoint…`: for applications with the capability `bulk`, about their own authority."""

from typing import Any

from fastapi import APIRouter
from hcommon.models.token import Capability
from starlette.responses import Response

from hweb import authclients
from hweb.bodies import JSONBody
from hweb.checkpoints import schemas, service
from hweb.checkpoints.service import Found
from hweb.deps import ClientWriteDep
from hweb.openapi import BASIC, operation
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON

router = APIRouter(tags=["bulk"], route_class=RepeatableRoute)


@router.post(
    "/api/bulk/checkpoint",
    name="bulk.checkpoint",
    openapi_extra=operation(
        body=schemas.CheckpointRequest, answer=list[schemas.Checkpoint], fails=(404, 413, 429), access=(BASIC,)
    ),
)
def put_checkpoints(write: ClientWriteDep, body: JSONBody) -> Response:
    """Make checkpoints where there are none, and tell what role a user has in the course."""
    with write() as writer:
        authority = authclients.required(writer.principal, capability=Capability.BULK).authority
        found = service.put(writer.session, course=schemas.parse(body), authority=authority, now=writer.now)
    return JSON([{**_present(item), "created": item.exists} for item in found])


@router.post(
    "/api/bulk/checkpoint/reveal",
    name="bulk.checkpoint.reveal",
    openapi_extra=operation(
        body=schemas.CheckpointRequest, answer=list[schemas.RevealedCheckpoint], fails=(404, 413, 429), access=(BASIC,)
    ),
)
def reveal_checkpoints(write: ClientWriteDep, body: JSONBody) -> Response:
    """Show everybody in the course what was kept apart until now."""
    with write() as writer:
        authority = authclients.required(writer.principal, capability=Capability.BULK).authority
        found = service.reveal(writer.session, course=schemas.parse(body), authority=authority, now=writer.now)
    return JSON([_present(item) for item in found])


def _present(found: Found) -> dict[str, Any]:
    date = found.reveal_date
    return {
        "group_authority_provided_id": found.place.group_provided_id,
        "document_uri": found.place.document_uri,
        "revealed": date is not None,
        "reveal_date": date.isoformat(timespec="microseconds") if date else None,
    }
