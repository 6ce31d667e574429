"""`/api/users`: for applications, about the users of their authority.

Source: specification of the API, section 1.14.
"""

from typing import Any

from fastapi import APIRouter
from hcommon.ids import make_userid, split_userid
from starlette.responses import Response

from hweb import authclients
from hweb.bodies import JSONBody
from hweb.deps import ClientReadDep, ClientWriteDep
from hweb.openapi import BASIC, operation
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON
from hweb.users import queries, schemas, service
from hweb.users.queries import FoundUser
from hweb.users.service import UserNotFoundError

router = APIRouter(tags=["users"], route_class=RepeatableRoute)


@router.post(
    "/api/users",
    name="user.create",
    openapi_extra=operation(body=schemas.UserCreate, answer=schemas.User, fails=(404, 409, 413, 429), access=(BASIC,)),
)
def create_user(write: ClientWriteDep, body: JSONBody) -> Response:
    """Create a user of the application's authority."""
    with write() as writer:
        client = authclients.required(writer.principal)
        new = schemas.parse_new(body, authority=client.authority)
        user = service.create(writer.session, new=new, authority=client.authority, now=writer.now)
    return JSON(_present(user))


@router.get(
    "/api/users/{userid}",
    name="user.read",
    openapi_extra=operation(answer=schemas.User, fails=(404,), access=(BASIC,), cached=True),
)
def read_user(userid: str, read: ClientReadDep) -> Response:
    """Answer with one user of the application's authority."""
    with read() as reader:
        client = authclients.required(reader.principal)
        username, authority = split_userid(userid)
        user = None
        if authority == client.authority:
            user = queries.by_username(reader.connection, username=username, authority=authority)
    if user is None:
        raise UserNotFoundError("There is no such user.")
    return JSON(_present(user))


@router.patch(
    "/api/users/{username}",
    name="user.update",
    openapi_extra=operation(body=schemas.UserUpdate, answer=schemas.User, fails=(404, 409, 413, 429), access=(BASIC,)),
)
def update_user(username: str, write: ClientWriteDep, body: JSONBody) -> Response:
    """Change the address or the display name of a user of the application's authority."""
    with write() as writer:
        client = authclients.required(writer.principal)
        user = service.change(
            writer.session, username=username, authority=client.authority, changes=schemas.parse_changes(body)
        )
    return JSON(_present(user))


def _present(user: FoundUser) -> dict[str, Any]:
    return {
        "authority": user.authority,
        "userid": make_userid(user.username, user.authority),
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email,
    }
