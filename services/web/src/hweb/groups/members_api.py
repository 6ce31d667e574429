"""`/api/groups/{id}/members`.

Source: specification of the API, sections 1.11 and 2.6.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from hcommon.auth import Principal
from hcommon.ids import make_userid
from hcommon.models.group import Role
from sqlalchemy import RowMapping
from starlette.responses import Response

from hweb import authclients
from hweb.bodies import JSONBody, OptionalJSONBody
from hweb.deps import AnyReadDep, ClientWriteDep, CookieWriteDep, ReadDep
from hweb.groups import member_queries, members, rules, service, shapes
from hweb.groups.schemas import PageNumberQuery, PageOffsetQuery, PageSizeQuery, role_of
from hweb.openapi import ANYBODY, BASIC, BEARER, COOKIE, operation
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON

router = APIRouter(tags=["groups"], route_class=RepeatableRoute)

_PATH = "/api/groups/{group_id}/members"
_ONE_PATH = "/api/groups/{group_id}/members/{userid}"


@router.get(
    _PATH,
    name="group.members.read",
    openapi_extra=operation(
        answer=list[shapes.Membership] | shapes.MembershipPage,
        fails=(404,),
        access=(BEARER, BASIC, COOKIE, ANYBODY),
        cached=True,
    ),
)
def members_list(
    group_id: str,
    read: AnyReadDep,
    number: PageNumberQuery = None,
    offset: PageOffsetQuery = None,
    size: PageSizeQuery = 20,
) -> Response:
    """List the members by when they joined: all of them as an array or, with a page's number or offset, a page."""
    with read() as reader:
        found = service.readable(reader.connection, name=group_id, principal=reader.principal)
        if number is None and offset is None:
            rows = member_queries.members(reader.connection, group_id=found["id"])
            return JSON(_presented(rows, found["id"], reader.principal))
        first = (number - 1) * size if number is not None else offset or 0
        total, rows = member_queries.page(reader.connection, group_id=found["id"], first=first, size=size)
    return JSON({"meta": {"page": {"total": total}}, "data": _presented(rows, found["id"], reader.principal)})


@router.get(
    _ONE_PATH,
    name="group.member.read",
    openapi_extra=operation(answer=shapes.Membership, fails=(404,), access=(BEARER, ANYBODY), cached=True),
)
def read_member(group_id: str, userid: str, read: ReadDep) -> Response:
    """Answer with one membership; `me` is who asks."""
    with read() as reader:
        found = service.readable(reader.connection, name=group_id, principal=reader.principal)
        whose = members.userid_of(userid, reader.principal)
        row = members.found(reader.connection, group_id=found["id"], userid=whose)
    return JSON(_presented([row], found["id"], reader.principal)[0])


@router.post(
    _ONE_PATH,
    name="group.member.add",
    openapi_extra=operation(
        body=shapes.NewMembership,
        body_required=False,
        answer=shapes.Membership,
        fails=(404, 409, 413, 429),
        access=(BASIC,),
    ),
)
def add_member(group_id: str, userid: str, write: ClientWriteDep, body: OptionalJSONBody) -> Response:
    """Make a user a member; for applications alone, and of their own authority."""
    with write() as writer:
        client = authclients.required(writer.principal)
        found = service.readable(writer.session, name=group_id, principal=writer.principal)
        if found["authority"] != client.authority:
            raise service.GroupNotFoundError("This group is of another authority.")
        whose = members.userid_of(userid, writer.principal)
        role = role_of(body) if "roles" in body else None
        values = {"group_id": found["id"], "userid": whose}
        members.add(writer.session, **values, authority=client.authority, role=role, now=writer.now)
        row = members.found(writer.session, **values)
    return JSON(_presented([row], found["id"], writer.principal)[0])


@router.patch(
    _ONE_PATH,
    name="group.member.edit",
    openapi_extra=operation(
        body=shapes.RoleChange, answer=shapes.Membership, fails=(404, 409, 413, 429), access=(BEARER, COOKIE)
    ),
)
def edit_member(group_id: str, userid: str, write: CookieWriteDep, body: JSONBody) -> Response:
    """Give a member another role, and answer with the membership.

    409 where the only member of a group is to own it no more; otherwise the next in line owns it then.
    """
    with write() as writer:
        principal = writer.principal
        found = service.readable(writer.session, name=group_id, principal=principal)
        whose = members.userid_of(userid, principal)
        role = role_of(body)
        values = {"group_id": found["id"], "userid": whose}
        members.change_role(
            writer.session, principal=principal, **values, role=role, now=writer.now, client_id=writer.client_id
        )
        row = members.found(writer.session, **values)
    actor = role if row["user_id"] == principal.user_id else principal.roles.get(found["id"])
    return JSON(present_membership(row, actor=actor, user_id=principal.user_id))


@router.delete(
    _ONE_PATH,
    name="group.member.delete",
    openapi_extra=operation(status=204, fails=(404, 429), access=(BEARER, COOKIE)),
)
def remove_member(group_id: str, userid: str, write: CookieWriteDep) -> Response:
    """End a membership; `me` leaves. 204. When the last owner leaves, the next in line owns the group."""
    with write() as writer:
        found = service.readable(writer.session, name=group_id, principal=writer.principal)
        members.remove(
            writer.session,
            principal=writer.principal,
            group_id=found["id"],
            userid=members.userid_of(userid, writer.principal),
            now=writer.now,
            client_id=writer.client_id,
        )
    return Response(status_code=204)


def present_membership(row: Mapping[Any, Any], *, actor: Role | None, user_id: int | None) -> dict[str, Any]:
    """Return the JSON values of one membership.

    Args:
        row: A row of `member_queries`.
        actor: Role in the group of who asks; None for somebody who is no member.
        user_id: Key of who asks, None for anonymous.
    """
    role = Role(row["role"])
    return {
        "authority": row["authority"],
        "userid": make_userid(row["username"], row["authority"]),
        "username": row["username"],
        "display_name": row["display_name"],
        "roles": [role],
        "actions": rules.actions(actor, role, own=row["user_id"] == user_id),
        "created": _timestamp(row["created"]),
        "updated": _timestamp(row["updated"]),
    }


def _presented(rows: Iterable[RowMapping], group_id: int, principal: Principal) -> list[dict[str, Any]]:
    actor = principal.roles.get(group_id)
    return [present_membership(row, actor=actor, user_id=principal.user_id) for row in rows]


def _timestamp(value: datetime) -> str:
    return value.isoformat(timespec="microseconds")
