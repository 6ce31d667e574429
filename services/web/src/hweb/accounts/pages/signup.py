"""`/signup` and `/activate`.

Nobody learns here which e-mail addresses have accounts: the answer to an address in use is the one to a new address.
Source: specification of the API, section 6.
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.crypto import InvalidSignatureError
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, passwords, queries, service
from hweb.accounts.links import ACTIVATION
from hweb.accounts.redirects import HOME, carried_fields, carrying_headers, safe_next
from hweb.accounts.schemas import TAKEN, NewAccount
from hweb.accounts.service import SignUp
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter()

_LONGEST_KEY = 18
_log = get_logger(__name__)


class NoSuchLinkError(HError):
    """The link is not one of ours, or what it is about is gone."""

    kind = ErrorKind.NOT_FOUND


@router.get("/signup", name="signup")
def show_signup(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Show the form; whoever is signed in goes on at once."""
    if user.user_id is not None:
        return RedirectResponse(safe_next(request.query_params.get("next", ""), app_url=held.settings.app_url), 302)
    if not held.settings.password_login:
        return RedirectResponse("/login?" + urlencode(carried_fields(request.query_params)), 302)
    return _form(request, visitor, request.query_params, problems={})


@router.post("/signup", name="signup.submit")
def sign_up(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Register and tell to look for mail, or show the form again with status 400."""
    if user.user_id is not None:
        return RedirectResponse(HOME, 302)
    if not held.settings.password_login:
        return RedirectResponse("/login?" + urlencode(carried_fields(form)), 302)
    settings, now = held.settings, held.clock.now()
    RateLimiter(held.redis).count(limits.SIGNUP_BY_ADDRESS, network_of(visitor.address), now=now)
    new = NewAccount.of_form(form)
    problems = new.problems(by_visitor=True)
    if problems:
        if "username" not in problems:
            with held.database.read() as connection:
                if queries.is_username_taken(connection, username=new.username, authority=settings.authority):
                    problems["username"] = TAKEN
        return _form(request, visitor, form, problems=problems)
    password_hash = passwords.hash_password(new.password)
    with held.database.transaction() as session:
        outcome = service.sign_up(session, new=new, password_hash=password_hash, authority=settings.authority, now=now)
    _log.info("sign_up", outcome=outcome.value)
    if outcome is SignUp.USERNAME_TAKEN:
        return _form(request, visitor, form, problems={"username": TAKEN})
    return page(
        request, "accounts/check_mail.html.jinja2", email=new.email, login_query=urlencode(carried_fields(form))
    )


@router.get("/activate/{user_id}/{code}", name="activate")
def activate(request: Request, held: ResourcesDep, user: SessionUserDep, user_id: str, code: str) -> Response:
    """Activate an account by its mailed link and lead to the sign-in; the link may be opened any number of times.

    Raises:
        NoSuchLinkError: The code is of another account or address.
    """
    if user.user_id is not None:
        return RedirectResponse(HOME, 302)
    if not (user_id.isascii() and user_id.isdigit() and len(user_id) <= _LONGEST_KEY):
        raise NoSuchLinkError("This link is not valid.")
    now = held.clock.now()
    try:
        signed = held.keys.verify(ACTIVATION, code, now=now)
    except InvalidSignatureError as error:
        return page(request, "accounts/activation_failed.html.jinja2", status=400, reason=error.reason)
    with held.database.transaction() as session:
        account = queries.by_id(session, user_id=int(user_id), authority=held.settings.authority)
        if account is None or signed != [account.id, account.email]:
            raise NoSuchLinkError("This link is not valid.")
        service.activate(session, user_id=account.id, now=now)
    return RedirectResponse("/login?" + urlencode({"username": account.username, "activated": "1"}), 302)


def _form(request: Request, visitor: Visitor, values: Form, *, problems: dict[str, str]) -> Response:
    carried = carried_fields(values)
    entered = NewAccount.of_form(values)
    return form_page(
        request,
        visitor,
        "accounts/signup.html.jinja2",
        status=400 if problems else 200,
        headers=carrying_headers(carried),
        entered={"username": entered.username, "email": entered.email, "comms_opt_in": entered.comms_opt_in},
        problems=problems,
        carried=carried,
        carried_query=urlencode(carried),
        for_oauth="for_oauth" in carried,
    )
