"""`/groups/…`: a group's own page, where people join and leave, and the forms that make and change groups.

Source: specification of the API, section 6.
"""

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.auth import Principal
from hcommon.models.group import MODERATING_ROLES, ReadableBy, Role
from hcommon.presentation.group import group_type, group_url
from sqlalchemy import RowMapping
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import to_login
from hweb.deps import SessionReadDep, SessionUserDep, SessionWriteDep, SettingsDep, VisitorDep
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.groups import members, queries, rules, service
from hweb.groups.schemas import GroupChange, checked_change
from hweb.groups.service import GroupNotFoundError
from hweb.settings import Settings
from hweb.templating import PRIVATE
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

JOIN: Final = "group_join"
LEAVE: Final = "group_leave"


@router.get("/groups/new", name="groups.new")
def new_group(request: Request, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Show the form of a new group; whoever is not signed in is told to do so first."""
    return _form(request, visitor, user, entered={}, problems={})


@router.post("/groups/new", name="groups.create")
def create_group(
    request: Request, visitor: VisitorDep, settings: SettingsDep, write: SessionWriteDep, form: CheckedFormDep
) -> Response:
    """Create a group and lead to it, or show the form again with status 400."""
    with write() as writer:
        user_id = writer.principal.user_id
        if user_id is None:
            return to_login("/groups/new", status=303)
        change, problems = _change_of(form, settings)
        if not problems:
            pubid = service.create(
                writer.session, group=change, creator_id=user_id, authority=settings.authority, now=writer.now
            )
            return _to_group(queries.by_pubid(writer.session, pubid=pubid))
    return _form(request, visitor, writer.principal, entered=form, problems=problems)


@router.get("/groups/{pubid}/edit", name="group.edit")
def edit_group(
    request: Request, visitor: VisitorDep, settings: SettingsDep, read: SessionReadDep, pubid: str
) -> Response:
    """Show the form of a group to those who may change it; visitors who are not logged in do that first.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor may not change it.
    """
    with read() as reader:
        if reader.principal.user_id is None:
            return to_login(request.url.path, status=303)
        row = queries.page_of(reader.connection, pubid=pubid, authority=settings.authority)
    if row is None or not rules.may_edit(reader.principal, group_id=row["id"], authority=row["authority"]):
        raise GroupNotFoundError("There is no such group, or you may not change it.")
    entered = {"name": row["name"], "description": row["description"] or "", "type": group_type(row)}
    return _form(request, visitor, reader.principal, entered=entered, problems={}, group=row)


@router.post("/groups/{pubid}/edit", name="group.edit.submit")
def change_group(
    request: Request,
    *,
    visitor: VisitorDep,
    settings: SettingsDep,
    write: SessionWriteDep,
    form: CheckedFormDep,
    pubid: str,
) -> Response:
    """Change a group and lead to it, or show the form again with status 400.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor may not change it.
    """
    with write() as writer:
        row = service.editable(writer.session, name=pubid, principal=writer.principal)
        change, problems = _change_of(form, settings)
        if not problems:
            service.update(writer.session, group=row, change=change, now=writer.now)
            return _to_group(queries.by_pubid(writer.session, pubid=row["pubid"]))
    return _form(request, visitor, writer.principal, entered=form, problems=problems, group=row)


@router.get("/groups/{pubid}", name="groups.page")
@router.get("/groups/{pubid}/{slug}", name="groups.page")
def show_group(
    request: Request, visitor: VisitorDep, settings: SettingsDep, read: SessionReadDep, pubid: str
) -> Response:
    """Show a group to those who may read it; to others the invitation to join, if it can be joined.

    A group is not named to visitors who are not signed in and could not read it.

    Raises:
        GroupNotFoundError: There is no such group, or it is not for this visitor to know of.
    """
    with read() as reader:
        row = queries.page_of(reader.connection, pubid=pubid, authority=settings.authority)
        if row is None:
            raise GroupNotFoundError("There is no such group.")
        principal = reader.principal
        succession = members.succession(reader.connection, principal=principal, group_id=row["id"])
    joinable = rules.may_join(principal, joinable_by=row["joinable_by"], authority=row["authority"])
    role = principal.roles.get(row["id"])
    is_reader = row["readable_by"] == ReadableBy.WORLD or role is not None
    if not is_reader and principal.user_id is None:
        query = urlencode({"next": f"/groups/{pubid}"})
        return form_page(request, visitor, "groups/invited.html.jinja2", login_query=query, anonymous=True)
    if not is_reader and not joinable:
        raise GroupNotFoundError("There is no such group, or you may not see it.")
    path = group_url("", pubid=row["pubid"], name=row["name"])
    if request.url.path != path:
        return RedirectResponse(path, status_code=301, headers={"Cache-Control": PRIVATE})
    return form_page(
        request,
        visitor,
        "groups/show.html.jinja2",
        anonymous=principal.user_id is None,
        path=path,
        pubid=pubid,
        name=row["name"],
        description=row["description"] if is_reader else None,
        type=group_type(row),
        members=row["members"],
        scopes=(row["scope_urls"] or ()) if is_reader else (),
        activity=f"/stream?{urlencode({'q': f'group:{pubid}'})}" if is_reader else None,
        role=role,
        succession=succession,
        joinable=joinable and role is None,
        editable=rules.may_edit(principal, group_id=row["id"], authority=row["authority"]),
        moderates=role in MODERATING_ROLES,
        join=JOIN,
        leave=LEAVE,
    )


@router.post("/groups/{pubid}", name="groups.page.submit")
@router.post("/groups/{pubid}/{slug}", name="groups.page.submit")
def join_or_leave(write: SessionWriteDep, settings: SettingsDep, form: CheckedFormDep, pubid: str) -> Response:
    """Join the group, or leave it, and lead back to its page; doing it twice does no harm.

    Raises:
        GroupNotFoundError: There is no such group.
        MembershipNotFoundError: It cannot be joined.
    """
    with write() as writer:
        principal = writer.principal
        if principal.user_id is None:
            return to_login(f"/groups/{pubid}", status=303)
        row = queries.page_of(writer.session, pubid=pubid, authority=settings.authority)
        if row is None:
            raise GroupNotFoundError("There is no such group.")
        if JOIN in form:
            members.join(
                writer.session,
                principal=principal,
                group_id=row["id"],
                joinable_by=row["joinable_by"],
                authority=row["authority"],
                now=writer.now,
            )
        elif LEAVE in form:
            members.delete(writer.session, group_id=row["id"], user_id=principal.user_id, now=writer.now)
    return RedirectResponse(f"/groups/{row['pubid']}", status_code=303)


def _change_of(form: Form, settings: Settings) -> tuple[GroupChange, dict[str, str]]:
    fields = {key: form.get(key, "").strip() for key in ("name", "description", "type")}
    # One line break is one character, as the browser counts them.
    fields["description"] = fields["description"].replace("\r\n", "\n")
    return checked_change(fields, authority=settings.authority, site_authority=settings.authority, new=True)


def _form(
    request: Request,
    visitor: Visitor,
    principal: Principal,
    *,
    entered: Form,
    problems: dict[str, str],
    group: RowMapping | None = None,
) -> Response:
    context: dict[str, Any] = {
        "entered": {"name": "", "description": "", "type": "private"} | dict(entered),
        "problems": {key: f"The {key} {problem}." for key, problem in problems.items()},
        "types": rules.GROUP_TYPES,
        "pubid": group["pubid"] if group else None,
        "owned": group is not None and principal.roles.get(group["id"]) == Role.OWNER,
        "cancel": group_url("", pubid=group["pubid"], name=group["name"]) if group else "/",
        "anonymous": principal.user_id is None,
        "login_query": urlencode({"next": request.url.path}),
    }
    return form_page(request, visitor, "groups/form.html.jinja2", status=400 if problems else 200, **context)


def _to_group(row: RowMapping) -> Response:
    return RedirectResponse(group_url("", pubid=row["pubid"], name=row["name"]), status_code=303)
