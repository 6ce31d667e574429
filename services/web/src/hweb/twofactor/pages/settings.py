"""`/account/settings/two-factor`: turning the second factor on and off, and new recovery codes.

Between the page with the secret and the code that proves that an app has it, nothing is stored: the form carries the
secret, signed for this account and this browser session.
"""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from hcommon.crypto import InvalidSignatureError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, owner
from hweb.accounts.redirects import to_login
from hweb.accounts.schemas import Account
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.resources import Resources
from hweb.twofactor import codes, queries, service
from hweb.visitor import Visitor

router = APIRouter()

PATH: Final = "/account/settings/two-factor"
SETUP: Final = "second-factor-setup"
"""Label under which `[user_id, key of the browser session, secret]` is signed."""

SETUP_LIFETIME: Final = timedelta(minutes=30)

_WRONG_CODE: Final = "This code is not right, or was used already."
_WRONG_FIRST_CODE: Final = "This code is not right. Does your app have this secret, and does your device know the time?"
_log = get_logger(__name__)


@router.get(PATH, name="account.two_factor")
def show_second_factor(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Show whether it is on, and what can be done; visitors who are not logged in do that first."""
    account = owner.account_of(held, user.user_id)
    return _page(request, held, visitor, account) if account else to_login(PATH)


@router.post(PATH, name="account.two_factor.submit")
def change_second_factor(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Do what `action` says: `start` and `confirm` turn it on, `renew` gives new recovery codes, `off` turns it off."""
    account = owner.account_of(held, user.user_id)
    if account is None:
        return to_login(PATH)
    if account.password_hash is None:
        return RedirectResponse(PATH, 303)
    RateLimiter(held.redis).count(limits.SECOND_FACTOR_BY_ACCOUNT, str(account.id), now=held.clock.now())
    match form.get("action"), account.second_factor:
        case "start", False:
            return _start(request, held, visitor, account, form)
        case "confirm", False:
            return _confirm(request, held, visitor, account, form)
        case "renew" | "off", True:
            return _change(request, held, visitor, account, form)
    # It was turned on or off meanwhile, in another window.
    return RedirectResponse(PATH, 303)


def _start(request: Request, held: Resources, visitor: Visitor, account: Account, form: Form) -> Response:
    problems = owner.problems_of(account, form)
    if problems:
        return _page(request, held, visitor, account, problems=problems)
    secret = codes.new_secret()
    setup = held.keys.sign(
        SETUP, [account.id, _session_key(visitor), secret], expires_at=held.clock.now() + SETUP_LIFETIME
    )
    return _setup_page(request, held, visitor, account, secret=secret, setup=setup)


def _confirm(request: Request, held: Resources, visitor: Visitor, account: Account, form: Form) -> Response:
    setup, now = form.get("setup", ""), held.clock.now()
    secret = _secret_of(held, visitor, account, setup)
    if secret is None:
        return RedirectResponse(PATH, 303)
    step = codes.matching_step(secret, codes.normalized(form.get("code", "")), now=now)
    if step is None:
        problems = {"code": _WRONG_FIRST_CODE}
        return _setup_page(request, held, visitor, account, secret=secret, setup=setup, problems=problems)
    with held.database.transaction() as session:
        made = service.turn_on(session, user_id=account.id, secret=secret, step=step, keys=held.keys, now=now)
    if made is None:
        return RedirectResponse(PATH, 303)
    _log.info("second_factor_turned_on", user_id=account.id)
    return _codes_page(request, visitor, made, turned_on=True)


def _change(request: Request, held: Resources, visitor: Visitor, account: Account, form: Form) -> Response:
    problems = owner.problems_of(account, form)
    if problems:
        return _page(request, held, visitor, account, problems=problems)
    now, made = held.clock.now(), []
    with held.database.transaction() as session:
        if not service.use_code(session, user_id=account.id, code=form.get("code", ""), keys=held.keys, now=now):
            return _page(request, held, visitor, account, problems={"code": _WRONG_CODE})
        if form["action"] == "off":
            service.turn_off(session, user_id=account.id, now=now)
        else:
            made = service.renew_recovery_codes(session, user_id=account.id)
    _log.info("second_factor_changed", user_id=account.id, action=form["action"])
    return _codes_page(request, visitor, made, turned_on=False) if made else RedirectResponse(PATH, 303)


def _secret_of(held: Resources, visitor: Visitor, account: Account, setup: str) -> str | None:
    """Return the secret that this account was shown in this browser session, not long ago; None if it is none."""
    try:
        signed = held.keys.verify(SETUP, setup, now=held.clock.now())
    except InvalidSignatureError:
        return None
    match signed:
        case [account.id, key, str(secret)] if key == _session_key(visitor):
            return secret
    return None


def _session_key(visitor: Visitor) -> str | None:
    return visitor.session.key if visitor.session else None


def _page(
    request: Request, held: Resources, visitor: Visitor, account: Account, *, problems: dict[str, str] | None = None
) -> Response:
    with held.database.read() as connection:
        state = queries.state(connection, user_id=account.id)
    return form_page(
        request,
        visitor,
        "twofactor/settings.html.jinja2",
        status=400 if problems else 200,
        has_password=account.password_hash is not None,
        state=state,
        problems=problems or {},
    )


def _setup_page(
    request: Request,
    held: Resources,
    visitor: Visitor,
    account: Account,
    *,
    secret: str,
    setup: str,
    problems: dict[str, str] | None = None,
) -> Response:
    uri = codes.setup_uri(secret, username=account.username, authority=held.settings.authority)
    return form_page(
        request,
        visitor,
        "twofactor/setup.html.jinja2",
        status=400 if problems else 200,
        qr_code=Markup(codes.qr_svg(uri)),  # noqa: S704 - drawn by the library: numbers and colours
        secret=codes.grouped(secret),
        setup=setup,
        problems=problems or {},
    )


def _codes_page(request: Request, visitor: Visitor, made: list[str], *, turned_on: bool) -> Response:
    return form_page(request, visitor, "twofactor/codes.html.jinja2", codes=made, turned_on=turned_on)
