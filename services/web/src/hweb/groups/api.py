"""`/api/groups`, `/api/groups/{id}` and `/api/profile/groups`.

Source: specification of the API, section 1.11.
"""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from hcommon import features
from hcommon.ids import WORLD_GROUP
from hcommon.presentation.group import EXPAND_ALL, group_order, present_group
from sqlalchemy.orm import Session
from starlette.responses import Response

from hweb.bodies import JSONBody
from hweb.deps import AnyWriteDep, ClientReadDep, ReadDep, SettingsDep, Writer
from hweb.groups import listing, queries, service, shapes
from hweb.groups.schemas import AuthorityQuery, DocumentURIQuery, ExpandQuery, GroupChange, group_change
from hweb.groups.service import GroupNotFoundError
from hweb.openapi import ANYBODY, BASIC, BEARER, COOKIE, operation
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON
from hweb.settings import Settings

router = APIRouter(tags=["groups"], route_class=RepeatableRoute)


@router.get(
    "/api/groups",
    name="groups.read",
    openapi_extra=operation(answer=list[shapes.Group], access=(BEARER, ANYBODY), cached=True),
)
def groups(
    read: ReadDep,
    settings: SettingsDep,
    document_uri: DocumentURIQuery = None,
    authority: AuthorityQuery = None,
    expand: ExpandQuery = None,
) -> Response:
    """List the groups that matter for a document and a user.

    First come the world-readable groups whose scope holds the document, then the public group, then the private
    groups that the user is a member of.
    """
    with read() as reader:
        rows = queries.groups_for_document(
            reader.connection,
            authority=reader.principal.authority or authority or settings.authority,
            origin=listing.scope_origin(document_uri),
            group_ids=reader.principal.roles,
        )
    listed = listing.for_document(rows, document_uri=document_uri, member_of=reader.principal.roles)
    return JSON(
        [
            present_group(row, app_url=settings.app_url, authority=settings.authority, expand=expand or ())
            for row in listed
        ]
    )


@router.post(
    "/api/groups",
    name="group.create",
    openapi_extra=operation(
        body=shapes.NewGroup, answer=shapes.Group, fails=(404, 409, 413, 429), access=(BEARER, BASIC, COOKIE)
    ),
)
def create(write: AnyWriteDep, settings: SettingsDep, body: JSONBody) -> Response:
    """Create a group that belongs to the user who asks, and answer with it; 200."""
    with write() as writer:
        user_id, authority = writer.principal.user_id, writer.principal.authority
        if user_id is None or authority is None:
            raise GroupNotFoundError("Log in to create a group.")
        wanted = group_change(body, authority=authority, site_authority=settings.authority, new=True)
        pubid = service.create(
            writer.session,
            group=_allowed(wanted, writer, settings),
            creator_id=user_id,
            authority=authority,
            now=writer.now,
            client_id=writer.client_id,
        )
        return JSON(_presented(writer.session, pubid, settings))


@router.get(
    "/api/groups/{group_id}",
    name="group.read",
    openapi_extra=operation(answer=shapes.Group, fails=(404,), access=(BEARER, BASIC, ANYBODY), cached=True),
)
def group(group_id: str, read: ClientReadDep, settings: SettingsDep, expand: ExpandQuery = None) -> Response:
    """Answer with one group, named by its id or by its third-party `groupid`."""
    with read() as reader:
        row = service.readable(reader.connection, name=group_id, principal=reader.principal)
    return JSON(present_group(row, app_url=settings.app_url, authority=settings.authority, expand=expand or ()))


@router.patch(
    "/api/groups/{group_id}",
    name="group.update",
    openapi_extra=operation(
        body=shapes.GroupUpdate, answer=shapes.Group, fails=(404, 409, 413, 429), access=(BEARER, BASIC, COOKIE)
    ),
)
def update(group_id: str, write: AnyWriteDep, settings: SettingsDep, body: JSONBody) -> Response:
    """Change what the body names, and answer with the whole group."""
    with write() as writer:
        found = service.editable(writer.session, name=group_id, principal=writer.principal)
        change = group_change(body, authority=found["authority"], site_authority=settings.authority)
        change = _allowed(change, writer, settings)
        service.update(writer.session, group=found, change=change, now=writer.now, client_id=writer.client_id)
        return JSON(_presented(writer.session, found["pubid"], settings))


@router.get(
    "/api/profile/groups",
    name="profile.groups.read",
    openapi_extra=operation(answer=list[shapes.Group], access=(BEARER, ANYBODY), cached=True),
)
def my_groups(read: ReadDep, settings: SettingsDep, expand: ExpandQuery = None) -> Response:
    """List all groups that the user is a member of, by name; none for anonymous callers.

    The public group isn't among them: everybody is in it. Source: the client's needs, section 2.8.
    """
    with read() as reader:
        rows = queries.groups_by_id(reader.connection, group_ids=reader.principal.roles)
    return JSON(
        [
            present_group(row, app_url=settings.app_url, authority=settings.authority, expand=expand or ())
            for row in sorted(rows, key=group_order)
            if row["pubid"] != WORLD_GROUP
        ]
    )


def _allowed(change: GroupChange, writer: Writer, settings: Settings) -> GroupChange:
    """Return the change without what this user is not offered; asking for it is no error."""
    if change.pre_moderated is None:
        return change
    on = features.is_on(writer.session, "pre_moderation", principal=writer.principal, site_authority=settings.authority)
    return change if on else replace(change, pre_moderated=None)


def _presented(session: Session, pubid: str, settings: Settings) -> dict[str, Any]:
    """Return a group as whoever just wrote it sees it: in full."""
    row = queries.by_pubid(session, pubid=pubid)
    return present_group(row, app_url=settings.app_url, authority=settings.authority, expand=EXPAND_ALL)
