"""`/oidc/signup` and `/oidc/connect`: whose identity no account is connected with.

An account is made, or one that exists is connected by whoever logs in to it in the way that worked so far, its second
step included. Nothing is connected because an address is the same.
"""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, owner
from hweb.accounts import queries as accounts_queries
from hweb.accounts.redirects import carrying_headers, safe_next
from hweb.accounts.schemas import TAKEN, Account, NewAccount
from hweb.accounts.service import EmailTakenError, SignUp, UsernameTakenError
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.oidc import queries, service
from hweb.oidc.deps import IssuerDep
from hweb.oidc.pages.begin import PRIVATE_ADDRESS
from hweb.oidc.pending import Pending
from hweb.oidc.schemas import Stranger
from hweb.resources import Resources
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter()

SETTINGS_PATH = "/account/settings/identity"
_IN_USE = (
    "There is an account with this address, or there was one lately. Connect it by the link below, or, if you have "
    "deleted it, try again tomorrow."
)
_log = get_logger(__name__)


@router.get("/oidc/signup", name="oidc.signup")
def show_signup(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, _issuer: IssuerDep
) -> Response:
    """Ask for a user name and the consents."""
    ticket = request.query_params.get("ticket", "")
    stranger = Pending(request, held).stranger(ticket)
    if user.user_id is not None or not held.settings.oidc_signup:
        return _to_connect(ticket)
    entered = NewAccount(username=stranger.claims.username, email=stranger.claims.email, password="")
    return _signup_form(request, visitor, stranger, entered, ticket=ticket, problems={})


@router.post("/oidc/signup", name="oidc.signup.submit")
def sign_up(
    request: Request,
    *,
    held: ResourcesDep,
    visitor: VisitorDep,
    user: SessionUserDep,
    form: CheckedFormDep,
    issuer: IssuerDep,
) -> Response:
    """Make the account and sign in, or tell to look for mail; or show the form again with status 400."""
    pending, ticket = Pending(request, held), form.get("ticket", "")
    stranger = pending.stranger(ticket)
    if user.user_id is not None or not held.settings.oidc_signup:
        return _to_connect(ticket)
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.SIGNUP_BY_ADDRESS, network_of(visitor.address), now=now)
    claims = stranger.claims
    new = NewAccount.of_form({**form, "password": "", **({"email": claims.email} if claims.email_verified else {})})
    problems, user_id = _problems(held, new), None
    if not problems:
        try:
            user_id = _make_account(held, stranger, new, issuer)
        except UsernameTakenError:
            problems = {"username": TAKEN}
        except EmailTakenError:
            problems = {"email": _IN_USE}
    if problems:
        return _signup_form(request, visitor, stranger, new, ticket=ticket, problems=problems)
    pending.forget_stranger(ticket)
    if user_id is None:
        login_query = urlencode(stranger.carried)
        return page(request, "accounts/check_mail.html.jinja2", email=new.email, login_query=login_query)
    answer = _go_on(held, stranger)
    visitor.sign_in(answer, user_id=user_id)
    _log.info("oidc_sign_up", user_id=user_id)
    return answer


@router.get("/oidc/connect", name="oidc.connect")
def show_connect(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, _issuer: IssuerDep
) -> Response:
    """Ask whether to connect the account; let visitors who are not signed in log in to it first."""
    ticket = request.query_params.get("ticket", "")
    stranger = Pending(request, held).stranger(ticket)
    return _connect_form(request, held, visitor, user.user_id, stranger, ticket=ticket, problems={})


@router.post("/oidc/connect", name="oidc.connect.submit")
def connect(
    request: Request,
    *,
    held: ResourcesDep,
    visitor: VisitorDep,
    user: SessionUserDep,
    form: CheckedFormDep,
    issuer: IssuerDep,
) -> Response:
    """Connect the account that the visitor is signed in to, and go on; or show the form again with status 400.

    It will be another way in: whoever did not log in just now brings the password.
    """
    pending, ticket = Pending(request, held), form.get("ticket", "")
    stranger = pending.stranger(ticket)
    account = owner.account_of(held, user.user_id)
    if account is None:
        return _to_connect(ticket)
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.PASSWORD_BY_ACCOUNT, str(account.id), now=now)
    if not owner.is_proved(held, account, visitor, form):
        problems = {"password": owner.WRONG_PASSWORD}
        return _connect_form(request, held, visitor, account.id, stranger, ticket=ticket, problems=problems)
    with held.database.transaction() as session:
        service.connect(
            session,
            user_id=account.id,
            provider=issuer,
            subject=stranger.claims.subject,
            authority=held.settings.authority,
            now=now,
        )
    pending.forget_stranger(ticket)
    _log.info("oidc_connected", user_id=account.id)
    return _go_on(held, stranger, otherwise=SETTINGS_PATH)


def _problems(held: Resources, new: NewAccount) -> dict[str, str]:
    problems = new.problems(by_visitor=True, with_password=False)
    if "username" not in problems:
        with held.database.read() as connection:
            if accounts_queries.is_username_taken(connection, username=new.username, authority=held.settings.authority):
                problems["username"] = TAKEN
    return problems


def _make_account(held: Resources, stranger: Stranger, new: NewAccount, issuer: str) -> int | None:
    """Return the key of the account, or None when it waits for the mailed link, or another has the address."""
    whose: dict[str, Any] = {
        "new": new,
        "provider": issuer,
        "subject": stranger.claims.subject,
        "authority": held.settings.authority,
        "now": held.clock.now(),
    }
    with held.database.transaction() as session:
        if stranger.claims.email_verified:
            return service.sign_up_verified(session, **whose)
        outcome = service.sign_up(session, **whose)
    _log.info("sign_up", outcome=outcome.value)
    if outcome is SignUp.USERNAME_TAKEN:
        raise UsernameTakenError(TAKEN)
    return None


def _account_of(held: Resources, stranger: Stranger) -> Account | None:
    """Return the account whose address the provider has verified to be the stranger's."""
    email = stranger.claims.email if stranger.claims.email_verified else ""
    with held.database.read() as connection:
        return queries.account_of_address(connection, email=email, authority=held.settings.authority)


def _to_connect(ticket: str) -> Response:
    return RedirectResponse(f"/oidc/connect?{urlencode({'ticket': ticket})}", 302, headers=PRIVATE_ADDRESS)


def _go_on(held: Resources, stranger: Stranger, *, otherwise: str = "") -> Response:
    target = stranger.carried.get("next", "") or otherwise
    return RedirectResponse(safe_next(target, app_url=held.settings.app_url), 302, headers=PRIVATE_ADDRESS)


def _signup_form(
    request: Request,
    visitor: Visitor,
    stranger: Stranger,
    entered: NewAccount,
    *,
    ticket: str,
    problems: dict[str, str],
) -> Response:
    return form_page(
        request,
        visitor,
        "oidc/signup.html.jinja2",
        status=400 if problems else 200,
        headers=PRIVATE_ADDRESS | carrying_headers(stranger.carried),
        entered={"username": entered.username, "email": entered.email, "comms_opt_in": entered.comms_opt_in},
        email_verified=stranger.claims.email_verified,
        problems=problems,
        ticket=ticket,
        connect_query=urlencode({"ticket": ticket}),
        for_oauth="for_oauth" in stranger.carried,
    )


def _connect_form(
    request: Request,
    held: Resources,
    visitor: Visitor,
    user_id: int | None,
    stranger: Stranger,
    *,
    ticket: str,
    problems: dict[str, str],
) -> Response:
    account, signed_in = _account_of(held, stranger), owner.account_of(held, user_id)
    proof = owner.proof_of(held, signed_in, visitor) if signed_in else owner.Proof.NOTHING
    here = {"next": f"/oidc/connect?{urlencode({'ticket': ticket})}"}
    here |= {"username": account.username} if account else {}
    here |= {"for_oauth": "True"} if "for_oauth" in stranger.carried else {}
    return form_page(
        request,
        visitor,
        "oidc/connect.html.jinja2",
        status=400 if problems else 200,
        headers=PRIVATE_ADDRESS | carrying_headers(stranger.carried),
        signed_in=signed_in is not None,
        proof=proof.value,
        problems=problems,
        username=account.username if account else None,
        subject=stranger.claims.subject,
        signup_open=held.settings.oidc_signup,
        login_query=urlencode(here),
        ticket=ticket,
        for_oauth="for_oauth" in stranger.carried,
    )
