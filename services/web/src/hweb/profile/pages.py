"""`/account/settings`."""

from fastapi import APIRouter, Request
from hcommon.ids import split_userid
from starlette.responses import RedirectResponse, Response

from hweb.deps import SessionReadDep
from hweb.profile import queries
from hweb.templating import page

router = APIRouter(include_in_schema=False)


@router.get("/account/settings", name="account.settings")
def settings_page(request: Request, read: SessionReadDep) -> Response:
    """Show the account of whoever is logged in; others log in first and come back."""
    with read() as reader:
        user_id, userid = reader.principal.user_id, reader.principal.userid
        if user_id is None or userid is None:
            return RedirectResponse("/login?next=%2Faccount%2Fsettings", status_code=302)
        email = queries.email_of(reader.connection, user_id=user_id)
    username, authority = split_userid(userid)
    return page(
        request,
        "profile/settings.html.jinja2",
        username=username,
        authority=authority,
        display_name=reader.principal.display_name,
        email=email,
    )
