"""`POST /api/token` and `POST /oauth/revoke`: for programs, without cookies and without CSRF tokens.

Source: specification of the API, section 2.2; RFC 6749, sections 5.1 and 5.2; RFC 7009.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from starlette.responses import Response

from hweb.deps import ResourcesDep
from hweb.forms import FormPairsDep
from hweb.oauth import service
from hweb.oauth.server import AuthorizationServer
from hweb.responses import JSON

router = APIRouter(tags=["oauth"])

NEVER_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BASIC_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="h"'}
UNAUTHORIZED: Final = 401

_log = get_logger(__name__)


@router.post("/api/token", name="oauth.token")
def token(request: Request, held: ResourcesDep, pairs: FormPairsDep) -> Response:
    """Exchange a code, a refresh token or an assertion for an access token and a refresh token."""
    now = held.clock.now()
    with held.database.transaction() as session:
        status, _, body = AuthorizationServer(session, held=held, now=now).token_response(
            pairs, authorization=request.headers.get("authorization")
        )
    if "error" not in body:
        return JSON(body, headers=NEVER_STORED)
    _log.info("token_refused", error=body["error"])
    challenge = BASIC_CHALLENGE if status == UNAUTHORIZED else {}
    return JSON(_failure(body), status_code=status, headers=NEVER_STORED | challenge)


@router.post("/oauth/revoke", name="oauth.revoke")
def revoke(held: ResourcesDep, pairs: FormPairsDep) -> Response:
    """End the grant of a token, whichever of its tokens it is; an unknown one has ended already."""
    given = dict(pairs).get("token")
    if not given:
        body = {"error": "invalid_request", "error_description": "Missing token parameter."}
        return JSON(_failure(body), status_code=400, headers=NEVER_STORED)
    with held.database.transaction() as session:
        service.revoke_token(session, token=given, now=held.clock.now())
    return JSON({}, headers=NEVER_STORED)


def _failure(body: dict[str, Any]) -> dict[str, Any]:
    """Add the API's own fields to an OAuth error."""
    return {"status": "failure", "reason": body.get("error_description") or body["error"], **body}
