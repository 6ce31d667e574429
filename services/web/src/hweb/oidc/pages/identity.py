"""`/account/settings/identity`: what an account is connected with.

Source: specification of the API, section 6.
"""

from typing import Final

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter, network_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, owner
from hweb.accounts.redirects import to_login
from hweb.accounts.schemas import Account
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.oidc import queries, service
from hweb.oidc.deps import IssuerDep, ProviderDep
from hweb.oidc.pages.begin import send_to
from hweb.resources import Resources
from hweb.security_headers import policy
from hweb.visitor import Visitor

router = APIRouter()

PATH: Final = "/account/settings/identity"

_log = get_logger(__name__)


@router.get(PATH, name="account.identity")
def show_identities(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, issuer: IssuerDep
) -> Response:
    """List them; visitors who are not logged in do that first."""
    account = owner.account_of(held, user.user_id)
    return _page(request, held, visitor, account, issuer) if account else to_login(PATH)


@router.post(PATH, name="account.identity.submit")
def disconnect(
    request: Request,
    *,
    held: ResourcesDep,
    visitor: VisitorDep,
    user: SessionUserDep,
    form: CheckedFormDep,
    issuer: IssuerDep,
) -> Response:
    """Part the account from an identity, or say with status 400 that it is the last way in.

    Raises:
        NoSuchIdentityError: The account is not connected with it.
    """
    account = owner.account_of(held, user.user_id)
    if account is None:
        return to_login(PATH)
    try:
        with held.database.transaction() as session:
            service.disconnect(
                session,
                user_id=account.id,
                provider=form.get("provider", ""),
                subject=form.get("provider_unique_id", ""),
                issuer=issuer,
                password_counts=held.settings.password_login,
            )
    except service.LastWayInError as error:
        return _page(request, held, visitor, account, issuer, problem=error.reason)
    _log.info("oidc_disconnected", user_id=account.id)
    return RedirectResponse(PATH, 302)


@router.post(f"{PATH}/connect", name="account.identity.connect")
def connect(
    request: Request,
    *,
    held: ResourcesDep,
    visitor: VisitorDep,
    user: SessionUserDep,
    form: CheckedFormDep,
    provider: ProviderDep,
) -> Response:
    """Send the visitor to the provider, to connect the account with who they are there.

    It would be another way in: whoever did not log in just now brings the password.
    """
    account = owner.account_of(held, user.user_id)
    if account is None:
        return to_login(PATH)
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.PASSWORD_BY_ACCOUNT, str(account.id), now=now)
    if not owner.is_proved(held, account, visitor, form):
        return _page(request, held, visitor, account, provider.issuer, problems={"password": owner.WRONG_PASSWORD})
    RateLimiter(held.redis).count(limits.LOGIN_BY_ADDRESS, network_of(visitor.address), now=now)
    return send_to(provider, request, held, visitor, carried={}, user_id=account.id)


def _page(
    request: Request,
    held: Resources,
    visitor: Visitor,
    account: Account,
    issuer: str,
    *,
    problem: str = "",
    problems: dict[str, str] | None = None,
) -> Response:
    with held.database.read() as connection:
        identities = queries.identities(connection, user_id=account.id)
    return form_page(
        request,
        visitor,
        "oidc/identity.html.jinja2",
        status=400 if problem or problems else 200,
        # Browsers hold redirects after a form against `form-action`, and this one leads to the provider.
        headers={"Content-Security-Policy": policy({"form-action": None})},
        identities=[
            {
                "provider": identity.provider,
                "subject": identity.provider_unique_id,
                "current": identity.provider == issuer,
                "connected": f"{identity.created:%Y-%m-%d}",
            }
            for identity in identities
        ],
        connected=any(identity.provider == issuer for identity in identities),
        proof=owner.proof_of(held, account, visitor).value,
        problem=problem,
        problems=problems or {},
    )
