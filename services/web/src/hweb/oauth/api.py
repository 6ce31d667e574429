"""Tokens, their end, and where to ask for them: for programs, without cookies and without CSRF tokens.

Source: specification of the API, section 2.2; RFC 6749, sections 5.1 and 5.2; RFC 7009.
"""

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from hcommon.sessions import SessionStore
from starlette.responses import Response

from hweb.api_edge import V1
from hweb.deps import ApiLimitsDep, ReadDep, ResourcesDep, SettingsDep, bearer_token
from hweb.files import FIVE_MINUTES
from hweb.forms import FORM_TYPE, FormPairsDep
from hweb.oauth import queries, schemas, service
from hweb.oauth.schemas import AUTHORIZATION_CODE, JWT_BEARER, REFRESH_TOKEN, SCOPES
from hweb.oauth.server import QUERY, WEB_MESSAGE, AuthorizationServer
from hweb.openapi import ANYBODY, BASIC, BEARER, JSON_TYPE, Failure, operation
from hweb.responses import JSON

router = APIRouter(tags=["oauth"])

NEVER_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BASIC_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="h"'}
BEARER_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
UNAUTHORIZED: Final = 401
NO_TOKEN: Final = {"error": "missing_token", "error_description": "The request has no valid bearer token."}

_TOKEN_FAILURES: Final = {
    400: ("No token for this.", schemas.OAuthFailure | Failure, JSON_TYPE),
    401: ("The client has not proved who it is.", schemas.OAuthFailure, JSON_TYPE),
}
_REVOKE_FAILURES: Final = {400: ("There is no token in it.", schemas.OAuthFailure | Failure, JSON_TYPE)}
_NO_TOKEN: Final = {401: ("There is no valid token.", schemas.MissingToken, JSON_TYPE)}

_log = get_logger(__name__)


@router.post(
    "/api/token",
    name="oauth.token",
    openapi_extra=operation(
        body=schemas.TokenRequest,
        body_type=FORM_TYPE,
        answer=schemas.TokenAnswer,
        also=_TOKEN_FAILURES,
        fails=(413, 429),
        access=(ANYBODY, BASIC),
        versioned=False,
    ),
)
def token(request: Request, held: ResourcesDep, limits: ApiLimitsDep, pairs: FormPairsDep) -> Response:
    """Exchange a code, a refresh token or an assertion for an access token and a refresh token."""
    now = held.clock.now()
    limits.count_token(request, now=now)
    with held.database.transaction() as session:
        status, _, body = AuthorizationServer(session, held=held, now=now).token_response(
            pairs, authorization=request.headers.get("authorization")
        )
    if "error" not in body:
        return JSON(body, headers=NEVER_STORED)
    _log.info("token_refused", error=body["error"])
    challenge = BASIC_CHALLENGE if status == UNAUTHORIZED else {}
    return JSON(_failure(body), status_code=status, headers=NEVER_STORED | challenge)


@router.post(
    "/oauth/revoke",
    name="oauth.revoke",
    openapi_extra=operation(
        body=schemas.RevokeRequest,
        body_type=FORM_TYPE,
        answer=dict[str, Any],
        also=_REVOKE_FAILURES,
        fails=(413,),
        versioned=False,
    ),
)
def revoke(held: ResourcesDep, pairs: FormPairsDep) -> Response:
    """End the grant of a token, whichever of its tokens it is; an unknown one has ended already.

    Whoever logs out in the sidebar is logged out of the site too, in this browser: the next person at a shared
    computer would otherwise be one click away from the account.
    """
    given = dict(pairs).get("token")
    if not given:
        body = {"error": "invalid_request", "error_description": "Missing token parameter."}
        return JSON(_failure(body), status_code=400, headers=NEVER_STORED)
    with held.database.transaction() as session:
        ended = service.revoke_token(session, token=given, now=held.clock.now())
        if ended is not None and ended.browser_session is not None:
            # Before the transaction ends: without Redis nothing has happened, and logging out can be tried again.
            SessionStore(held.redis).end_key(ended.browser_session, user_id=ended.user_id)
    return JSON({}, headers=NEVER_STORED)


@router.get(
    "/.well-known/oauth-authorization-server",
    name="oauth.metadata",
    openapi_extra=operation(answer=dict[str, Any], versioned=False),
)
async def metadata(settings: SettingsDep) -> Response:
    """Tell programs how to get access here. Source: RFC 8414, sections 2 and 3."""
    site = settings.app_url
    values = {
        "issuer": site,
        "authorization_endpoint": f"{site}/oauth/authorize",
        "token_endpoint": f"{site}/api/token",
        "revocation_endpoint": f"{site}/oauth/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": [QUERY, WEB_MESSAGE],
        "grant_types_supported": [AUTHORIZATION_CODE, REFRESH_TOKEN, JWT_BEARER],
        "scopes_supported": SCOPES,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "service_documentation": f"{site}/docs/help",
    }
    return JSON(values, headers={"Cache-Control": FIVE_MINUTES, "Access-Control-Allow-Origin": "*"})


@router.get(
    "/api/debug-token",
    name="debug_token",
    openapi_extra=operation(answer=schemas.TokenFacts, also=_NO_TOKEN, access=(BEARER,), cached=True),
)
def debug_token(request: Request, read: ReadDep) -> Response:
    """Tell whose a token is and how long it lives.

    Source: specification of the API, section 1.16.
    """
    with read() as reader:
        about = queries.about_access_token(reader.connection, token=bearer_token(request) or "", now=reader.now)
    if about is None:
        return JSON(NO_TOKEN, status_code=UNAUTHORIZED, headers={"Hypothesis-Media-Type": V1, **BEARER_CHALLENGE})
    values: dict[str, Any] = {
        "userid": about.userid,
        "expires_at": _instant(about.expires),
        "issued_at": _instant(about.issued),
        "expired": False,
    }
    if about.client_id is not None:
        values["client"] = {"id": str(about.client_id), "name": about.client_name}
    return JSON(values)


def _instant(when: datetime | None) -> str | None:
    return when.isoformat(timespec="microseconds") if when else None


def _failure(body: dict[str, Any]) -> dict[str, Any]:
    """Add the API's own fields to an OAuth error."""
    return {"status": "failure", "reason": body.get("error_description") or body["error"], **body}
