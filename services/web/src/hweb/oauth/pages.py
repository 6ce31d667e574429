"""`/oauth/authorize`: may this client act for the user who looks at the page?

Source: specification of the API, section 2.2; the client's needs, section 2.4; RFC 6749, section 4.1; RFC 7636.
"""

from typing import Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from hcommon.auth import Principal
from hcommon.errors import HError
from hcommon.logging import get_logger
from markupsafe import Markup
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2.rfc6749.errors import OAuth2Error
from starlette.responses import RedirectResponse, Response

from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.oauth.server import WEB_MESSAGE, Authorization, AuthorizationServer
from hweb.resources import Resources
from hweb.security_headers import policy
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

NEVER_STORED: Final = {"Cache-Control": "no-store"}
DECISION: Final = "decision"
ALLOW: Final = "allow"
DENIED: Final = "access_denied"

_log = get_logger(__name__)


class InvalidAuthorizationError(HError):
    """The client asks for access in a way that cannot be answered, least of all by a redirect."""


@router.get("/oauth/authorize", name="oauth.authorize")
def authorize(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Grant access to a trusted client, ask the user about any other; first of all, let the visitor sign in."""
    with held.database.transaction() as session:
        server = AuthorizationServer(session, held=held, now=held.clock.now())
        wanted = _authorization(server, request)
        if user.user_id is None:
            return _sign_in_first(request, held)
        if wanted.client.trusted:
            return _granted(request, server, wanted, user, visitor)
    # Browsers hold redirects after a form against `form-action`, and the answer may lead to the client's site.
    headers = {"Content-Security-Policy": policy({"form-action": None})}
    return form_page(
        request,
        visitor,
        "oauth/consent.html.jinja2",
        headers=headers,
        client_name=wanted.client.name,
        origin=wanted.client.origin,
        allow=ALLOW,
        decision=DECISION,
    )


@router.post("/oauth/authorize", name="oauth.authorize.submit")
def decide(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Do what the user decided. The request itself is in the query, as it was on the page."""
    with held.database.transaction() as session:
        server = AuthorizationServer(session, held=held, now=held.clock.now())
        wanted = _authorization(server, request)
        if user.user_id is None:
            return _sign_in_first(request, held)
        if form.get(DECISION) == ALLOW:
            return _granted(request, server, wanted, user, visitor)
    _log.info("authorization_denied", client_id=wanted.client.client_id)
    if wanted.response_mode == WEB_MESSAGE:
        return _message(request, wanted, {"canceled": True})
    return _redirect(wanted, error=DENIED)


def _authorization(server: AuthorizationServer, request: Request) -> Authorization:
    try:
        return server.authorization(request.query_params.multi_items())
    except OAuth2Error as error:
        raise InvalidAuthorizationError(
            f"The application asked for access in a way that is not valid: {error.description or error.error}"
        ) from error


def _sign_in_first(request: Request, held: Resources) -> Response:
    page_name = "signup" if request.query_params.get("action") == "signup" else "login"
    here = f"{held.settings.app_url}/oauth/authorize?{request.url.query}"
    return RedirectResponse(f"/{page_name}?{urlencode({'next': here, 'for_oauth': 'True'})}", 302)


def _granted(
    request: Request, server: AuthorizationServer, wanted: Authorization, user: Principal, visitor: Visitor
) -> Response:
    assert user.user_id is not None  # noqa: S101 - the callers have sent others to the sign-in
    browser_session = visitor.session.key if visitor.session else None
    code = server.grant_code(wanted, user_id=user.user_id, browser_session=browser_session)
    _log.info("authorization_granted", client_id=wanted.client.client_id, user_id=user.user_id)
    if wanted.response_mode == WEB_MESSAGE:
        return _message(request, wanted, {"code": code})
    return _redirect(wanted, code=code)


def _redirect(wanted: Authorization, **params: str) -> Response:
    items = [*params.items(), *([("state", wanted.state)] if wanted.state is not None else [])]
    return RedirectResponse(add_params_to_uri(wanted.redirect_uri, items), 302, headers=NEVER_STORED)


def _message(request: Request, wanted: Authorization, outcome: dict[str, Any]) -> Response:
    """Return the page that tells the window that opened it."""
    settings = {**outcome, "origin": wanted.client.origin, "state": wanted.state}
    return page(request, "oauth/message.html.jinja2", headers=NEVER_STORED, settings=_embedded(settings))


def _embedded(values: dict[str, Any]) -> Markup:
    """Return JSON that cannot end the element it stands in."""
    text = orjson.dumps(values).decode()
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 - escaped
