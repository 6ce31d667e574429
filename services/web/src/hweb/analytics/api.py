"""`POST /api/analytics/events`."""

from typing import Final, Literal

from fastapi import APIRouter
from hcommon.errors import HError
from starlette.responses import Response
from typing_extensions import TypedDict

from hweb import metrics
from hweb.bodies import JSONBody
from hweb.deps import ResourcesDep
from hweb.openapi import operation

router = APIRouter(tags=["analytics"])

EVENTS: Final = frozenset({"client.realtime.apply_updates"})


class ClientEvent(TypedDict):
    """Something that a client reports."""

    event: Literal["client.realtime.apply_updates"]


class UnknownClientEventError(HError):
    """The client reports something that nobody asked about."""


@router.post(
    "/api/analytics/events",
    name="analytics.events.create",
    status_code=204,
    openapi_extra=operation(body=ClientEvent, status=204, fails=(413,)),
)
async def report(held: ResourcesDep, body: JSONBody) -> Response:
    """Count an event of the client; `event` is its name.

    Source: specification of the API, section 1.16.
    """
    event = body.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        raise UnknownClientEventError(f"event: must be one of {', '.join(sorted(EVENTS))}")
    held.metrics.count(metrics.CLIENT_EVENT, event=event)
    return Response(status_code=204)
