"""`/oidc/login` and `/oidc/callback`: to the provider and back."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimitedError, RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits
from hweb.accounts import service as accounts
from hweb.accounts.redirects import carried_fields, safe_next
from hweb.accounts.schemas import Account
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.oidc import queries, service
from hweb.oidc.deps import ProviderDep
from hweb.oidc.pages.begin import PRIVATE_ADDRESS, send_to
from hweb.oidc.pending import Pending
from hweb.oidc.schemas import Begun, Claims, NotBegunError, Stranger
from hweb.resources import Resources
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter()

_LONGEST_CODE = 40
_log = get_logger(__name__)


class RefusedByProviderError(HError):
    """The provider has not let the visitor through, or the visitor has changed their mind there."""

    kind = ErrorKind.FORBIDDEN


@router.get("/oidc/login", name="oidc.login")
def log_in(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, provider: ProviderDep
) -> Response:
    """Send the visitor to the provider; whoever is signed in goes on at once."""
    wanted = request.query_params
    if user.user_id is not None:
        return RedirectResponse(safe_next(wanted.get("next", ""), app_url=held.settings.app_url), 302)
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.LOGIN_BY_ADDRESS, network_of(visitor.address), now=now)
    return send_to(provider, request, held, visitor, carried=carried_fields(wanted))


@router.get("/oidc/callback", name="oidc.callback")
def come_back(request: Request, held: ResourcesDep, visitor: VisitorDep, provider: ProviderDep) -> Response:
    """Sign in whom the provider vouches for, connect them, or ask strangers who they want to be.

    Raises:
        NotBegunError: This browser was not sent there, or has come back already.
        RefusedByProviderError: The provider says no.
    """
    brought = request.query_params
    pending = Pending(request, held)
    begun = pending.take_begun(brought.get("state", ""))
    if "error" in brought:
        _log.info("oidc_refused", error=_code(brought["error"]))
        raise RefusedByProviderError(f"{provider.name} has not logged you in ({_code(brought['error'])}).")
    if not brought.get("code"):
        raise NotBegunError
    now = held.clock.now()
    claims = provider.redeem(code=brought["code"], issuer=brought.get("iss"), begun=begun, now=now)
    if begun.user_id is not None:
        return _connect(held, visitor, begun.user_id, provider.issuer, claims)
    authority = held.settings.authority
    with held.database.read() as connection:
        account = queries.account_of(connection, provider=provider.issuer, subject=claims.subject, authority=authority)
    if account is None:
        return _ask_stranger(held, visitor, pending, claims, begun)
    if account.activated_at is None:
        return _not_active(request, held, account)
    answer = RedirectResponse(
        safe_next(begun.carried.get("next", ""), app_url=held.settings.app_url), 302, headers=PRIVATE_ADDRESS
    )
    visitor.sign_in(answer, user_id=account.id)
    _log.info("oidc_login", user_id=account.id)
    return answer


def _connect(held: Resources, visitor: Visitor, user_id: int, issuer: str, claims: Claims) -> Response:
    """Connect the account from whose settings the visitor was sent away."""
    if visitor.session is None or visitor.session.user_id != user_id:
        raise NotBegunError
    with held.database.transaction() as session:
        service.connect(
            session,
            user_id=user_id,
            provider=issuer,
            subject=claims.subject,
            authority=held.settings.authority,
            now=held.clock.now(),
        )
    _log.info("oidc_connected", user_id=user_id)
    return RedirectResponse("/account/settings/identity", 302, headers=PRIVATE_ADDRESS)


def _ask_stranger(held: Resources, visitor: Visitor, pending: Pending, claims: Claims, begun: Begun) -> Response:
    """Lead to the sign-up or, when the verified address has an account, to where its owner proves to be that.

    The address alone would not do: whoever can change what a provider says of addresses would own every account.
    """
    email = claims.email if claims.email_verified else ""
    with held.database.read() as connection:
        account = queries.account_of_address(connection, email=email, authority=held.settings.authority)
    ticket = pending.put(Stranger(claims=claims, carried=begun.carried))
    name = "connect" if account or not held.settings.oidc_signup else "signup"
    answer = RedirectResponse(f"/oidc/{name}?{urlencode({'ticket': ticket})}", 302, headers=PRIVATE_ADDRESS)
    pending.set_cookie(answer, visitor)
    return answer


def _not_active(request: Request, held: Resources, account: Account) -> Response:
    """Send the activation link again, but not without end."""
    now = held.clock.now()
    try:
        RateLimiter(held.redis).count(limits.ACTIVATION_MAIL_BY_ACCOUNT, str(account.id), now=now)
    except RateLimitedError:
        pass  # it is in the mailbox already, several times
    else:
        with held.database.transaction() as session:
            accounts.send_activation_again(session, user_id=account.id, now=now)
    return page(request, "accounts/check_mail.html.jinja2", status=400, email=account.email, login_query="")


def _code(error: str) -> str:
    """Return one of the protocol's words, which alone are shown."""
    known = error.isascii() and error.replace("_", "").isalpha() and len(error) <= _LONGEST_CODE
    return error if known else "error"
