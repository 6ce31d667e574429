"""`/account/developer`: tokens for a user's own programs.

A token is shown when it is made and never again, since only its hash is kept; so there may be several, and each can be
taken back by itself.

Source: specification of the API, section 6.
"""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import to_login
from hweb.deps import SessionReadDep, SessionWriteDep, VisitorDep, Writer
from hweb.forms import CheckedFormDep, form_page
from hweb.oauth import queries, service

router = APIRouter(include_in_schema=False)

PATH: Final = "/account/developer"
MAX_TOKENS: Final = 20

_TOO_MANY: Final = f"You have {MAX_TOKENS} tokens. Take one back first."


@router.get(PATH, name="account.developer")
def show_tokens(request: Request, visitor: VisitorDep, read: SessionReadDep) -> Response:
    """List when the user's tokens were made; visitors who are not logged in do that first."""
    with read() as reader:
        user_id = reader.principal.user_id
        if user_id is None:
            return to_login(PATH)
        grants = queries.developer_grants(reader.connection, user_id=user_id)
    return form_page(
        request, visitor, "oauth/developer.html.jinja2", grants=grants, token=None, problem=None, path=PATH
    )


@router.post(PATH, name="account.developer.submit")
def change_tokens(request: Request, visitor: VisitorDep, write: SessionWriteDep, form: CheckedFormDep) -> Response:
    """Make a token and show it, this once; or take back the one whose id is in `revoke`."""
    token = problem = None
    with write() as writer:
        user_id = writer.principal.user_id
        if user_id is None:
            return to_login(PATH)
        grants = queries.developer_grants(writer.session, user_id=user_id)
        if "revoke" in form:
            _revoke(writer, [grant.id for grant in grants], form["revoke"])
            return RedirectResponse(PATH, status_code=303)
        if len(grants) < MAX_TOKENS:
            token = service.create_developer_token(writer.session, user_id=user_id, now=writer.now)
            grants = queries.developer_grants(writer.session, user_id=user_id)
        else:
            problem = _TOO_MANY
    return form_page(
        request,
        visitor,
        "oauth/developer.html.jinja2",
        status=400 if problem else 200,
        grants=grants,
        token=token,
        problem=problem,
        path=PATH,
    )


def _revoke(writer: Writer, own: list[UUID], wanted: str) -> None:
    for grant_id in own:
        if str(grant_id) == wanted:
            service.revoke_grant(writer.session, grant_id=grant_id, now=writer.now)
