"""`/groups/{id}/edit/delete`: owners delete their group."""

from typing import Final

from fastapi import APIRouter, Request
from hcommon.auth import Principal
from hcommon.ids import WORLD_GROUP
from hcommon.logging import get_logger
from hcommon.models.group import Role
from hcommon.presentation.group import group_url
from sqlalchemy import Connection, RowMapping
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import to_login
from hweb.deps import SessionReadDep, SessionWriteDep, SettingsDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.groups import deletion, members, queries
from hweb.groups.service import GroupNotFoundError
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

_PATH: Final = "/groups/{pubid}/edit/delete"
_log = get_logger(__name__)


@router.get(_PATH, name="group.delete")
def show_deletion(
    request: Request, visitor: VisitorDep, settings: SettingsDep, read: SessionReadDep, pubid: str
) -> Response:
    """Show an owner what would be lost, and ask for the group's name; visitors who are not logged in do that first.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor does not own it.
    """
    with read() as reader:
        if reader.principal.user_id is None:
            return to_login(request.url.path, status=303)
        group = _owned(reader.connection, pubid=pubid, authority=settings.authority, principal=reader.principal)
        return _form(request, visitor, reader.connection, group)


@router.post(_PATH, name="group.delete.submit")
def delete_group(
    request: Request,
    *,
    visitor: VisitorDep,
    settings: SettingsDep,
    write: SessionWriteDep,
    form: CheckedFormDep,
    pubid: str,
) -> Response:
    """Delete the group for good, or show the form again with status 400.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor does not own it.
        MembershipNotFoundError: The visitor owned it a moment ago.
    """
    with write() as writer:
        group = _owned(writer.session, pubid=pubid, authority=settings.authority, principal=writer.principal)
        members.lock_as_owner(writer.session, principal=writer.principal, group_id=group["id"])
        if form.get("name", "").strip() != group["name"]:
            return _form(request, visitor, writer.session, group, problem="This is not the name of the group.")
        deletion.delete(writer.session, group_id=group["id"], now=writer.now)
    _log.info("group_deleted", group_id=group["id"], user_id=writer.principal.user_id)
    return RedirectResponse("/groups/deleted", status_code=303)


@router.get("/groups/deleted", name="group.deleted")
def show_deleted(request: Request) -> Response:
    """Say that the group is deleted."""
    return page(request, "groups/deleted.html.jinja2")


def _owned(connection: Connection | Session, *, pubid: str, authority: str, principal: Principal) -> RowMapping:
    group = queries.page_of(connection, pubid=pubid, authority=authority)
    if group is None or pubid == WORLD_GROUP or principal.roles.get(group["id"]) != Role.OWNER:
        raise GroupNotFoundError("There is no such group, or you do not own it.")
    return group


def _form(
    request: Request, visitor: Visitor, connection: Connection | Session, group: RowMapping, *, problem: str = ""
) -> Response:
    return form_page(
        request,
        visitor,
        "groups/delete.html.jinja2",
        status=400 if problem else 200,
        name=group["name"],
        members=group["members"],
        annotations=queries.annotation_count(connection, group_id=group["id"]),
        keep=group_url("", pubid=group["pubid"], name=group["name"]),
        problems={"name": problem} if problem else {},
    )
