"""`/api/profile`."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from hcommon import features
from hcommon.auth import Principal
from hcommon.presentation.profile import present_profile, profile_rows
from sqlalchemy import Connection
from sqlalchemy.orm import Session
from starlette.responses import Response

from hweb.bodies import JSONBody
from hweb.deps import ReadDep, SettingsDep, WriteDep
from hweb.groups.schemas import AuthorityQuery
from hweb.openapi import ANYBODY, BEARER, operation
from hweb.profile import schemas, service
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON
from hweb.settings import Settings

router = APIRouter(tags=["profile"], route_class=RepeatableRoute)

ClientVersionHeader = Annotated[str | None, Header(alias="Hypothesis-Client-Version", description="As `1.1766.0`.")]


@router.get(
    "/api/profile",
    name="profile.read",
    openapi_extra=operation(answer=schemas.Profile, access=(BEARER, ANYBODY), cached=True),
)
def profile(
    read: ReadDep, settings: SettingsDep, version: ClientVersionHeader = None, authority: AuthorityQuery = None
) -> Response:
    """Fetch the user's profile; for anonymous callers its `userid` is null."""
    with read() as reader:
        return JSON(_profile(reader.connection, reader.principal, settings, version=version, authority=authority))


@router.patch(
    "/api/profile",
    name="profile.update",
    openapi_extra=operation(
        body=schemas.ProfileUpdate, answer=schemas.Profile, fails=(404, 413, 429), access=(BEARER,)
    ),
)
def update_profile(
    write: WriteDep, settings: SettingsDep, body: JSONBody, version: ClientVersionHeader = None
) -> Response:
    """Change the user's preferences and answer with the whole profile."""
    with write() as writer:
        service.change_preferences(writer.session, principal=writer.principal, changes=schemas.parse(body))
        values = _profile(writer.session, writer.principal, settings, version=version)
    return JSON(values)


def _profile(
    connection: Connection | Session,
    principal: Principal,
    settings: Settings,
    *,
    version: str | None,
    authority: str | None = None,
) -> dict[str, Any]:
    whose = principal.authority or authority or settings.authority
    rows = profile_rows(connection, principal=principal, authority=whose)
    values = present_profile(
        rows, principal=principal, authority=whose, app_url=settings.app_url, site_authority=settings.authority
    )
    return values | {"features": features.for_client(values["features"], version=version)}
