"""`/account/settings`, and `/account/profile` for the name that others see.

Source: specification of the API, section 6.
"""

from typing import Final

from fastapi import APIRouter, Request
from hcommon.ids import split_userid
from hcommon.presentation.group import group_order, group_url
from hcommon.ratelimit import RateLimiter
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits
from hweb.accounts.redirects import to_login
from hweb.deps import ResourcesDep, SessionReadDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.groups import queries as groups_queries
from hweb.profile import queries, service
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

PROFILE: Final = "/account/profile"


@router.get("/account/settings", name="account.settings")
def settings_page(request: Request, read: SessionReadDep) -> Response:
    """Show the account of whoever is logged in; others log in first and come back."""
    with read() as reader:
        user_id, userid = reader.principal.user_id, reader.principal.userid
        if user_id is None or userid is None:
            return to_login("/account/settings")
        email = queries.email_of(reader.connection, user_id=user_id)
        groups = groups_queries.groups_by_id(reader.connection, group_ids=reader.principal.roles)
    username, authority = split_userid(userid)
    return page(
        request,
        "profile/settings.html.jinja2",
        username=username,
        authority=authority,
        display_name=reader.principal.display_name,
        email=email,
        groups=[
            {"name": group["name"], "path": group_url("", pubid=group["pubid"], name=group["name"])}
            for group in sorted(groups, key=group_order)
        ],
        saved="saved" in request.query_params,
    )


@router.get(PROFILE, name="account.profile")
def show_profile(request: Request, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Ask for the name that others see; visitors who are not logged in do that first."""
    return _form(request, visitor, user.display_name or "") if user.user_id is not None else to_login(PROFILE)


@router.post(PROFILE, name="account.profile.submit")
def change_profile(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Have the name stand on all that its owner wrote, or show the form again with status 400."""
    if user.user_id is None:
        return to_login(PROFILE)
    name = " ".join(form.get("display_name", "").split())
    problem = service.display_name_problem(name)
    if problem:
        return _form(request, visitor, name, problems={"display_name": problem})
    RateLimiter(held.redis).count(limits.NAME_BY_ACCOUNT, str(user.user_id), now=held.clock.now())
    with held.database.transaction() as session:
        service.change_display_name(session, user_id=user.user_id, display_name=name)
    return RedirectResponse("/account/settings?saved", 302)


def _form(request: Request, visitor: Visitor, name: str, *, problems: dict[str, str] | None = None) -> Response:
    return form_page(
        request,
        visitor,
        "profile/profile.html.jinja2",
        status=400 if problems else 200,
        display_name=name,
        longest=service.LONGEST_DISPLAY_NAME,
        problems=problems or {},
    )
