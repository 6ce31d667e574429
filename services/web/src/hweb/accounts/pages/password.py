"""`/account/settings/password`.

Source: specification of the API, section 6.
"""

from typing import Final

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, owner, passwords, queries, service
from hweb.accounts.redirects import to_login
from hweb.accounts.schemas import Account
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, Form, form_page
from hweb.visitor import Visitor

router = APIRouter()

PATH: Final = "/account/settings/password"

_MISMATCH: Final = "The two are not the same."
_log = get_logger(__name__)


@router.get(PATH, name="account.password")
def show_password(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Ask for the password and a new one; visitors who are not logged in do that first."""
    account = owner.account_of(held, user.user_id)
    return _form(request, visitor, account, problems={}) if account else to_login(PATH)


@router.post(PATH, name="account.password.submit")
def change_password(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Set the password and end all other sessions and log-ins, or show the form again with status 400."""
    account = owner.account_of(held, user.user_id)
    if account is None:
        return to_login(PATH)
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.PASSWORD_BY_ACCOUNT, str(account.id), now=now)
    problems = _problems(account, form)
    if problems:
        return _form(request, visitor, account, problems=problems)
    password_hash = passwords.hash_password(form["new_password"])
    with held.database.transaction() as session:
        # The one that was given must still be the one that holds.
        current = queries.locked_by_id(session, user_id=account.id, authority=held.settings.authority)
        if current is None or current.password_hash != account.password_hash:
            return _form(request, visitor, account, problems={"password": owner.WRONG_PASSWORD})
        service.set_password(session, user_id=account.id, password_hash=password_hash, now=now)
        visitor.store.end_all(user_id=account.id)
    _log.info("password_changed", user_id=account.id)
    answer = RedirectResponse("/account/settings", 302)
    visitor.sign_in(answer, user_id=account.id)
    return answer


def _problems(account: Account, form: Form) -> dict[str, str]:
    problems = {}
    if not passwords.is_right(account.password_hash, form.get("password", "")):
        problems["password"] = owner.WRONG_PASSWORD
    new = form.get("new_password", "")
    problem = passwords.problem_of(new)
    if problem:
        problems["new_password"] = problem
    elif new != form.get("new_password_confirm", ""):
        problems["new_password_confirm"] = _MISMATCH
    return problems


def _form(request: Request, visitor: Visitor, account: Account, *, problems: dict[str, str]) -> Response:
    return form_page(
        request,
        visitor,
        "accounts/password.html.jinja2",
        status=400 if problems else 200,
        has_password=account.password_hash is not None,
        problems=problems,
    )
