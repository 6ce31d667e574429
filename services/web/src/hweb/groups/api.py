"""`GET /api/groups`, `GET /api/groups/{id}` and `GET /api/profile/groups`."""

from fastapi import APIRouter
from hcommon.ids import WORLD_GROUP
from hcommon.presentation.group import group_order, present_group
from starlette.responses import Response

from hweb.deps import ReadDep, SettingsDep
from hweb.groups import listing, queries
from hweb.groups.schemas import AuthorityQuery, DocumentURIQuery, ExpandQuery
from hweb.groups.service import GroupNotFoundError
from hweb.responses import JSON

router = APIRouter(tags=["groups"])


@router.get("/api/groups", name="groups.read")
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


@router.get("/api/groups/{group_id}", name="group.read")
def group(group_id: str, read: ReadDep, settings: SettingsDep, expand: ExpandQuery = None) -> Response:
    """Answer with one group, named by its id or by its third-party `groupid`."""
    with read() as reader:
        row = queries.readable_group(reader.connection, name=group_id, principal=reader.principal)
    if row is None:
        raise GroupNotFoundError("There is no such group.")
    return JSON(present_group(row, app_url=settings.app_url, authority=settings.authority, expand=expand or ()))


@router.get("/api/profile/groups", name="profile.groups.read")
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
