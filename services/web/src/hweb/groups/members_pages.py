"""`/groups/{id}/edit/members`: who is in a group, and as what.

Source: specification of the API, sections 2.6 and 6.
"""

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.auth import Principal
from hcommon.ids import make_userid
from hcommon.models.group import Role
from hcommon.presentation.group import group_type, group_url
from sqlalchemy import Connection, RowMapping
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import to_login
from hweb.deps import SessionReadDep, SessionWriteDep, SettingsDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.groups import member_queries, members, queries, rules
from hweb.groups.schemas import role_of
from hweb.groups.service import GroupNotFoundError

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 50
_LONGEST_NUMBER: Final = 9


@router.get("/groups/{pubid}/edit/members", name="group.edit.members")
def show_members(
    request: Request, visitor: VisitorDep, settings: SettingsDep, read: SessionReadDep, pubid: str
) -> Response:
    """Show a page of the members to those who may change the group; visitors who are not logged in do that first.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor may not change it.
    """
    number = _page_number(request)
    with read() as reader:
        if reader.principal.user_id is None:
            return to_login(request.url.path, status=303)
        group = _editable(reader.connection, pubid=pubid, authority=settings.authority, principal=reader.principal)
        first = (number - 1) * PAGE_SIZE
        succession = members.succession(reader.connection, principal=reader.principal, group_id=group["id"])
        total, rows = member_queries.page(reader.connection, group_id=group["id"], first=first, size=PAGE_SIZE)
    actor = reader.principal.roles.get(group["id"])
    return form_page(
        request,
        visitor,
        "groups/members.html.jinja2",
        name=group["name"],
        pubid=pubid,
        type=group_type(group),
        succession=succession,
        back=group_url("", pubid=pubid, name=group["name"]),
        total=total,
        members=[_shown(row, actor=actor, user_id=reader.principal.user_id) for row in rows],
        page=number,
        pages=max(-(-total // PAGE_SIZE), 1),
    )


@router.post("/groups/{pubid}/edit/members", name="group.edit.members.submit")
def change_member(
    request: Request, settings: SettingsDep, write: SessionWriteDep, form: CheckedFormDep, pubid: str
) -> Response:
    """Give a member another role, or remove one, and lead back to the page.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor may not change it.
        MembershipNotFoundError: There is no such member, or it is not for the visitor to do that.
        InvalidMembershipError: There is no such role.
        LastOwnerError: The visitor gives up owning the group, and nobody else is in it.
    """
    with write() as writer:
        group = _editable(writer.session, pubid=pubid, authority=settings.authority, principal=writer.principal)
        values: dict[str, Any] = {
            "principal": writer.principal,
            "group_id": group["id"],
            "userid": form.get("userid", ""),
            "now": writer.now,
        }
        if "remove" in form:
            members.remove(writer.session, **values)
        else:
            members.change_role(writer.session, **values, role=role_of({"roles": [form.get("role")]}))
    if form.get("userid") == writer.principal.userid:
        return RedirectResponse(f"/groups/{pubid}", status_code=303)  # this page may be theirs no more
    query = urlencode({"page": _page_number(request)})
    return RedirectResponse(f"/groups/{pubid}/edit/members?{query}", status_code=303)


def _editable(connection: Connection | Session, *, pubid: str, authority: str, principal: Principal) -> RowMapping:
    group = queries.page_of(connection, pubid=pubid, authority=authority)
    if group is None or not rules.may_edit(principal, group_id=group["id"], authority=group["authority"]):
        raise GroupNotFoundError("There is no such group, or you may not change it.")
    return group


def _shown(row: RowMapping, *, actor: Role | None, user_id: int | None) -> dict[str, Any]:
    role, own = Role(row["role"]), row["user_id"] == user_id
    return {
        "userid": make_userid(row["username"], row["authority"]),
        "username": row["username"],
        "display_name": row["display_name"],
        "role": role.value,
        "roles": [assignable.value for assignable in rules.assignable_roles(actor, role, own=own)],
        "removable": rules.may_remove(actor, role, own=own),
        "own": own,
    }


def _page_number(request: Request) -> int:
    number = request.query_params.get("page", "1")
    return max(int(number), 1) if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER else 1
