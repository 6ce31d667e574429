"""`/login/two-factor`: the code that completes a log-in whose password was right.

`next` and `for_oauth` go through this page as through the one before.
"""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, queries
from hweb.accounts.halfway import CODE_PATH, HALFWAY_COOKIE, Halfway, HalfwayStore
from hweb.accounts.redirects import carried_fields, carrying_headers, safe_next
from hweb.deps import ResourcesDep, VisitorDep
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.resources import Resources
from hweb.twofactor import service
from hweb.visitor import Visitor

router = APIRouter()

_WRONG: Final = "This code is not right, or was used already."
_log = get_logger(__name__)


class HalfwayVoidError(HError):
    """What the log-in began with does not hold any more."""

    kind = ErrorKind.CONFLICT


@router.get(CODE_PATH, name="login.two_factor")
def show_code(request: Request, held: ResourcesDep, visitor: VisitorDep) -> Response:
    """Ask for the code; whoever has not brought the password in this browser a moment ago does that first."""
    if _halfway(request, held) is None:
        return _again(request.query_params)
    return _form(request, visitor, request.query_params)


@router.post(CODE_PATH, name="login.two_factor.submit")
def log_in(request: Request, held: ResourcesDep, visitor: VisitorDep, form: CheckedFormDep) -> Response:
    """Sign in and go on to `next`, or show the form again with status 400."""
    halfway = _halfway(request, held)
    if halfway is None:
        return _again(form)
    limiter, now = RateLimiter(held.redis), held.clock.now()
    here = f"{halfway.user_id} {network_of(visitor.address)}"
    limiter.count(limits.SECOND_STEP_BY_ACCOUNT_AND_ADDRESS, here, now=now)
    limiter.count(limits.SECOND_STEP_BY_ACCOUNT, str(halfway.user_id), now=now)
    try:
        right = _use(held, halfway, form.get("code", ""))
    except HalfwayVoidError:
        return _again(form)
    if not right:
        return _form(request, visitor, form, problem=_WRONG)
    limiter.forget(limits.SECOND_STEP_BY_ACCOUNT_AND_ADDRESS, here)
    _log.info("second_factor_right", user_id=halfway.user_id)
    answer = RedirectResponse(safe_next(form.get("next", ""), app_url=held.settings.app_url), 302)
    visitor.sign_in(answer, user_id=halfway.user_id)
    visitor.set_cookie(answer, HALFWAY_COOKIE, "", max_age=0)
    return answer


def _halfway(request: Request, held: Resources) -> Halfway | None:
    return HalfwayStore(held.redis).find(request.cookies.get(HALFWAY_COOKIE, ""), now=held.clock.now())


def _use(held: Resources, halfway: Halfway, code: str) -> bool:
    """Tell whether the code completes the log-in; if so, code and log-in are used up, or neither is.

    Raises:
        HalfwayVoidError: The password was changed, or the second factor turned off, or another request was faster.
    """
    with held.database.transaction() as session:
        # Who changes the password meanwhile comes before or after, but not in between.
        account = queries.locked_by_id(session, user_id=halfway.user_id, authority=held.settings.authority)
        if account is None or not account.second_factor or not halfway.is_of(account):
            raise HalfwayVoidError("Please log in again.")
        if not service.log_in(session, user_id=account.id, code=code, keys=held.keys, now=held.clock.now()):
            return False
        if not HalfwayStore(held.redis).finish(halfway):
            raise HalfwayVoidError("Please log in again.")
    return True


def _again(values: Form) -> Response:
    return RedirectResponse("/login?" + urlencode({"expired": "1", **carried_fields(values)}), 302)


def _form(request: Request, visitor: Visitor, values: Form, *, problem: str = "") -> Response:
    carried = carried_fields(values)
    return form_page(
        request,
        visitor,
        "twofactor/login.html.jinja2",
        status=400 if problem else 200,
        headers=carrying_headers(carried),
        carried=carried,
        for_oauth="for_oauth" in carried,
        problems={"code": problem} if problem else {},
    )
