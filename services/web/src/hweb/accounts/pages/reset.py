"""`/forgot-password` and `/account/reset`.

Nobody learns here which e-mail addresses have accounts: the answer is one and the same.
Source: specification of the API, section 6.
"""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.crypto import InvalidSignatureError
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimitedError, RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, passwords, queries, service
from hweb.accounts.links import RESET
from hweb.accounts.schemas import Account, email_problem
from hweb.deps import ResourcesDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.resources import Resources
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter()

# The address holds the code: no other site, cache or page learns it.
_SECRET_ADDRESS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_USED: Final = "This link was used already. You can ask for a new one."
_MISMATCH: Final = "The two are not the same."
_log = get_logger(__name__)


class ResetLinkError(HError):
    """The link was used, has expired or never was one."""

    kind = ErrorKind.NOT_FOUND


@router.get("/forgot-password", name="forgot_password")
def show_forgot_password(request: Request, visitor: VisitorDep) -> Response:
    """Ask for the address of the account."""
    return form_page(request, visitor, "accounts/forgot_password.html.jinja2", email="", problems={})


@router.post("/forgot-password", name="forgot_password.submit")
def forgot_password(request: Request, held: ResourcesDep, visitor: VisitorDep, form: CheckedFormDep) -> Response:
    """Have the link mailed if there is such an account, and tell to look for mail."""
    email = form.get("email", "").strip()
    problem = email_problem(email)
    if problem:
        return form_page(
            request,
            visitor,
            "accounts/forgot_password.html.jinja2",
            status=400,
            email=email,
            problems={"email": problem},
        )
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.RESET_BY_ADDRESS, network_of(visitor.address), now=now)
    # The same steps whether there is an account or not, so that the time they take does not tell.
    if _may_be_mailed(held, email):
        with held.database.transaction() as session:
            account = queries.by_login(session, login=email, authority=held.settings.authority)
            if account is not None:
                service.request_password_reset(session, user_id=account.id, now=now)
    return RedirectResponse("/account/reset", 302)


@router.get("/account/reset", name="account.reset")
def show_sent(request: Request) -> Response:
    """Tell to look for mail."""
    return page(request, "accounts/reset_sent.html.jinja2")


@router.get("/account/reset/{code}", name="account.reset.choose")
def show_reset(request: Request, held: ResourcesDep, visitor: VisitorDep, code: str) -> Response:
    """Ask for the new password."""
    return _form(request, visitor, _account(held, code), problems={})


@router.post("/account/reset/{code}", name="account.reset.submit")
def reset(request: Request, held: ResourcesDep, visitor: VisitorDep, form: CheckedFormDep, code: str) -> Response:
    """Set the password, end all sessions, and lead to the sign-in; or show the form again with status 400."""
    account = _account(held, code)
    password = form.get("password", "")
    problem = passwords.problem_of(password)
    problems = {"password": problem} if problem else {}
    if not problems and password != form.get("confirmation", ""):
        problems["confirmation"] = _MISMATCH
    if problems:
        return _form(request, visitor, account, problems=problems)
    password_hash = passwords.hash_password(password)
    now = held.clock.now()
    with held.database.transaction() as session:
        # Of two that use the link at the same moment, one does.
        current = queries.locked_by_id(session, user_id=account.id, authority=held.settings.authority)
        if current is None or _changed(current) != _changed(account):
            raise ResetLinkError(_USED)
        service.reset_password(session, user_id=account.id, password_hash=password_hash, now=now)
        visitor.store.end_all(user_id=account.id)
    _log.info("password_reset", user_id=account.id)
    answer = RedirectResponse("/login?" + urlencode({"username": account.username, "reset": "1"}), 302)
    visitor.sign_out(answer)
    return answer


def _may_be_mailed(held: Resources, email: str) -> bool:
    try:
        RateLimiter(held.redis).count(limits.RESET_MAIL_BY_ACCOUNT, email.lower(), now=held.clock.now())
    except RateLimitedError:
        return False  # it is in the mailbox already, several times
    return True


def _account(held: Resources, code: str) -> Account:
    """Return the account whose password the code may change.

    Raises:
        ResetLinkError: It may change none.
    """
    try:
        signed = held.keys.verify(RESET, code, now=held.clock.now())
    except InvalidSignatureError as error:
        raise ResetLinkError(f"{error.reason} You can ask for a new one.") from error
    match signed:
        case [int(user_id), str(email), changed]:
            with held.database.read() as connection:
                account = queries.by_id(connection, user_id=user_id, authority=held.settings.authority)
            if account and account.email == email and changed == _changed(account):
                return account
    raise ResetLinkError(_USED)


def _changed(account: Account) -> float | None:
    return account.password_changed_at.timestamp() if account.password_changed_at else None


def _form(request: Request, visitor: Visitor, account: Account, *, problems: dict[str, str]) -> Response:
    return form_page(
        request,
        visitor,
        "accounts/reset.html.jinja2",
        status=400 if problems else 200,
        headers=_SECRET_ADDRESS,
        username=account.username,
        problems=problems,
    )
