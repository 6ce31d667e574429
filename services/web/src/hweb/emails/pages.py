"""`/account/settings/email`, and `/account/email` behind the mailed link.

Nobody learns here which addresses have accounts: the answer is one and the same, and only whoever reads the mail of an
address hears that it is in use.
"""

from typing import Final

from fastapi import APIRouter, Request
from hcommon.crypto import InvalidSignatureError
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimitedError, RateLimiter
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, owner, queries
from hweb.accounts.links import CHANGE_EMAIL
from hweb.accounts.redirects import to_login
from hweb.accounts.schemas import Account, email_problem
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.emails import service
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.resources import Resources
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

PATH: Final = "/account/settings/email"
LINK_PATH: Final = "/account/email/{code}"

# The address holds the code: no other site, cache or page learns it.
_SECRET_ADDRESS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_VOID: Final = "This link was used already, or the account has changed since. You can ask for a new one."
_SAME: Final = "This is your address already."
_log = get_logger(__name__)


class EmailLinkError(HError):
    """The link was used, has expired or never was one."""

    kind = ErrorKind.NOT_FOUND


@router.get(PATH, name="account.email")
def show_email(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Ask for another address; visitors who are not logged in do that first."""
    account = owner.account_of(held, user.user_id)
    return _form(request, visitor, account, email="", problems={}) if account else to_login(PATH)


@router.post(PATH, name="account.email.submit")
def request_change(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Have a link mailed to the new address, or show the form again with status 400."""
    account = owner.account_of(held, user.user_id)
    if account is None:
        return to_login(PATH)
    if account.password_hash is None and held.settings.password_login:
        # By mail one gets a password, and by that the account: a session alone must not lead there.
        return RedirectResponse(PATH, 303)
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.EMAIL_BY_ACCOUNT, str(account.id), now=now)
    email = form.get("email", "").strip()
    problems = _problems(account, form, email)
    if problems:
        return _form(request, visitor, account, email=email, problems=problems)
    if _may_be_mailed(held, email):
        with held.database.transaction() as session:
            service.request_change(session, account=account, email=email, now=now)
    _log.info("email_change_requested", user_id=account.id)
    return page(request, "emails/sent.html.jinja2", email=email)


@router.get(LINK_PATH, name="account.email.confirm")
def show_confirmation(request: Request, held: ResourcesDep, visitor: VisitorDep, code: str) -> Response:
    """Ask whether to change the address: programs that look at mail follow links."""
    account, email = _wanted(held, code)
    return form_page(
        request,
        visitor,
        "emails/confirm.html.jinja2",
        headers=_SECRET_ADDRESS,
        username=account.username,
        email=email,
    )


@router.post(LINK_PATH, name="account.email.confirm.submit")
def confirm(request: Request, held: ResourcesDep, visitor: VisitorDep, _form: CheckedFormDep, code: str) -> Response:
    """Change the address and end all other sessions and log-ins."""
    account, email = _wanted(held, code)
    now = held.clock.now()
    with held.database.transaction() as session:
        # Of two that use the link at the same moment, one does.
        current = queries.locked_by_id(session, user_id=account.id, authority=held.settings.authority)
        if current is None or _state(current) != _state(account):
            raise EmailLinkError(_VOID)
        service.change(session, account=current, email=email, now=now)
        visitor.store.end_all(user_id=account.id)
    _log.info("email_changed", user_id=account.id)
    if visitor.session is not None and visitor.session.user_id == account.id:
        answer: Response = RedirectResponse("/account/settings", 302)
        visitor.sign_in(answer, user_id=account.id)
        return answer
    return page(request, "emails/changed.html.jinja2", headers=_SECRET_ADDRESS, email=email)


def _problems(account: Account, form: Form, email: str) -> dict[str, str]:
    problems = owner.problems_of(account, form)
    problem = _SAME if email == account.email else email_problem(email)
    return problems | ({"email": problem} if problem else {})


def _may_be_mailed(held: Resources, email: str) -> bool:
    try:
        RateLimiter(held.redis).count(limits.EMAIL_MAIL_TO_ADDRESS, email.lower(), now=held.clock.now())
    except RateLimitedError:
        return False  # it is in the mailbox already, several times
    return True


def _wanted(held: Resources, code: str) -> tuple[Account, str]:
    """Return the account that the code may change, and its new address.

    Raises:
        EmailLinkError: It may change none.
    """
    try:
        signed = held.keys.verify(CHANGE_EMAIL, code, now=held.clock.now())
    except InvalidSignatureError as error:
        raise EmailLinkError(f"{error.reason} You can ask for a new one.") from error
    match signed:
        case [int(user_id), str(email), *state]:
            account = owner.account_of(held, user_id)
            if account and state == _state(account):
                return account, email
    raise EmailLinkError(_VOID)


def _state(account: Account) -> list[object]:
    """Return what voids links when it changes."""
    changed = account.password_changed_at
    return [account.email, changed.timestamp() if changed else None]


def _form(request: Request, visitor: Visitor, account: Account, *, email: str, problems: dict[str, str]) -> Response:
    return form_page(
        request,
        visitor,
        "emails/change.html.jinja2",
        status=400 if problems else 200,
        current=account.email,
        email=email,
        has_password=account.password_hash is not None,
        problems=problems,
    )
