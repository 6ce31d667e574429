"""`/login` and `/logout`.

Source: specification of the API, section 6, with `next` checked (10.1, 3) and passwords never sent back (10.1, 4).
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.errors import ErrorKind, HError
from hcommon.ratelimit import RateLimitedError, RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, passwords, queries, service
from hweb.accounts.halfway import CODE_PATH, HALFWAY_COOKIE, LIFETIME, HalfwayStore
from hweb.accounts.redirects import HOME, carried_fields, carrying_headers, safe_next
from hweb.accounts.schemas import Account
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.resources import Resources
from hweb.visitor import Visitor

router = APIRouter()

WRONG = "This name and password do not go together."
NOT_ACTIVE = "This account is not active yet. We have sent you the activation link again; please open it first."

NOTICES = ("activated", "reset", "expired")
"""What the page may say first: parameters of its address."""


class NoPasswordsError(HError):
    """People log in to this site through its provider alone."""

    kind = ErrorKind.FORBIDDEN


@router.get("/login", name="login")
def show_login(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Show the form; whoever is signed in goes on at once."""
    wanted = request.query_params
    if user.user_id is not None:
        return RedirectResponse(safe_next(wanted.get("next", ""), app_url=held.settings.app_url), 302)
    return _form(request, visitor, wanted, notices=[name for name in NOTICES if name in wanted])


@router.post("/login", name="login.submit")
def log_in(request: Request, held: ResourcesDep, visitor: VisitorDep, form: CheckedFormDep) -> Response:
    """Sign in and go on to `next`, or to the question for a code first; or show the form again with status 400."""
    if not held.settings.password_login:
        raise NoPasswordsError(f"Log in with {held.settings.provider_name}: this site takes no passwords.")
    login, password = form.get("username", "").strip(), form.get("password", "")
    with held.database.read() as connection:
        account = queries.by_login(connection, login=login, authority=held.settings.authority)
    subject = f"id:{account.id}" if account else f"login:{login.lower()}"
    _count(held, visitor, subject)
    right = passwords.is_right(account.password_hash if account else None, password)
    if account is None or not right:
        return _form(request, visitor, form, status=400, problem=WRONG)
    if account.activated_at is None:
        _send_activation_again(held, account)
        return _form(request, visitor, form, status=400, problem=NOT_ACTIVE)
    RateLimiter(held.redis).forget(limits.LOGIN_BY_ACCOUNT_AND_ADDRESS, _here(subject, visitor))
    _renew_hash(held, account, password)
    if account.second_factor:
        return _to_second_step(held, visitor, account, form)
    answer = RedirectResponse(safe_next(form.get("next", ""), app_url=held.settings.app_url), 302)
    visitor.sign_in(answer, user_id=account.id)
    return answer


@router.get("/logout", name="logout")
def show_logout(request: Request, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Ask whether to sign out: a link alone must not do it."""
    if user.user_id is None:
        return RedirectResponse(HOME, 302)
    return form_page(request, visitor, "accounts/logout.html.jinja2")


@router.post("/logout", name="logout.submit")
def log_out(held: ResourcesDep, visitor: VisitorDep, _form: CheckedFormDep) -> Response:
    """End the session of this browser, and what the sidebar got in it."""
    answer = RedirectResponse(HOME, 302)
    if visitor.session is not None:
        ended = visitor.session
        with held.database.transaction() as session:
            service.end_grants_of_browser(
                session, browser_session=ended.key, user_id=ended.user_id, now=held.clock.now()
            )
            visitor.sign_out(answer)
    return answer


def _here(subject: str, visitor: Visitor) -> str:
    return f"{subject} {network_of(visitor.address)}"


def _count(held: Resources, visitor: Visitor, subject: str) -> None:
    limiter, now = RateLimiter(held.redis), held.clock.now()
    limiter.count(limits.LOGIN_BY_ADDRESS, network_of(visitor.address), now=now)
    limiter.count(limits.LOGIN_BY_ACCOUNT_AND_ADDRESS, _here(subject, visitor), now=now)
    limiter.count(limits.LOGIN_BY_ACCOUNT, subject, now=now)


def _renew_hash(held: Resources, account: Account, password: str) -> None:
    old = account.password_hash
    if old is not None and passwords.is_outdated(old):
        new = passwords.hash_password(password)
        with held.database.transaction() as session:
            service.replace_password_hash(session, user_id=account.id, old=old, new=new)


def _to_second_step(held: Resources, visitor: Visitor, account: Account, form: Form) -> Response:
    """Remember that the password was right, and nothing more: nobody is signed in yet."""
    cookie = HalfwayStore(held.redis).start(account, now=held.clock.now())
    carried = urlencode(carried_fields(form))
    answer = RedirectResponse(CODE_PATH + (f"?{carried}" if carried else ""), 302)
    visitor.set_cookie(answer, HALFWAY_COOKIE, cookie, max_age=int(LIFETIME.total_seconds()))
    return answer


def _send_activation_again(held: Resources, account: Account) -> None:
    now = held.clock.now()
    try:
        RateLimiter(held.redis).count(limits.ACTIVATION_MAIL_BY_ACCOUNT, str(account.id), now=now)
    except RateLimitedError:
        return  # it is in the mailbox already, several times
    with held.database.transaction() as session:
        service.send_activation_again(session, user_id=account.id, now=now)


def _form(
    request: Request,
    visitor: Visitor,
    values: Form,
    *,
    status: int = 200,
    problem: str = "",
    notices: Sequence[str] = (),
) -> Response:
    carried = carried_fields(values)
    return form_page(
        request,
        visitor,
        "accounts/login.html.jinja2",
        status=status,
        headers=carrying_headers(carried),
        username=values.get("username", ""),
        carried=carried,
        carried_query=urlencode(carried),
        for_oauth=bool(values.get("for_oauth")),
        problem=problem,
        notices=notices,
    )
