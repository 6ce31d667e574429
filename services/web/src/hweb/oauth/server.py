"""The authorization server: oauthlib's grants around our validator, one for each request."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from hcommon.tokens import new_token
from oauthlib.common import Request
from oauthlib.oauth2 import AuthorizationCodeGrant, BearerToken, RefreshTokenGrant, TokenEndpoint
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, InvalidRequestError, OAuth2Error
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase
from sqlalchemy.orm import Session

from hweb.oauth import assertion, queries
from hweb.oauth.schemas import (
    ACCESS_LIFETIME,
    ACCESS_PREFIX,
    AUTHORIZATION_CODE,
    JWT_BEARER,
    REFRESH_PREFIX,
    REFRESH_TOKEN,
    SCOPES,
    Client,
)
from hweb.oauth.validator import Validator
from hweb.resources import Resources

WEB_MESSAGE: Final = "web_message"
QUERY: Final = "query"

# The library writes codes and refresh tokens into its debug lines.
logging.getLogger("oauthlib").setLevel(logging.WARNING)


class CodeGrant(AuthorizationCodeGrant):
    """Authorization codes; of PKCE's methods only S256."""

    _code_challenge_methods: Final = {"S256": code_challenge_method_s256}


class JWTBearerGrant(GrantTypeBase):
    """Tokens for an assertion. Source: RFC 7523, section 2.1."""

    def __init__(self, validator: Validator, *, audience: str, session: Session, now: datetime) -> None:
        super().__init__(validator)
        self._validator = validator
        self._audience = audience
        self._session = session
        self._now = now

    def create_token_response(self, request: Request, token_handler: Any) -> tuple[dict[str, str], str, int]:
        """Return headers, body and status."""
        try:
            self._validate(request)
        except OAuth2Error as error:
            return dict(error.headers), error.json, error.status_code
        token = token_handler.create_token(request, refresh_token=True)
        self._validator.save_token(token, request)
        return {}, json.dumps(token), 200

    def _validate(self, request: Request) -> None:
        text: str | None = dict(request.decoded_body or ()).get("assertion")
        client = self._validator.find_client(assertion.issuer_of(text))
        if client is None or not client.may_sign:
            raise InvalidClientError("Unknown issuer of the grant token.", request=request)
        vouched = assertion.verify(text or "", signer=client, audience=self._audience, now=self._now)
        user_id = queries.user_id_of(
            self._session, username_normalized=vouched.username_normalized, authority=vouched.authority
        )
        if user_id is None:
            raise InvalidGrantError("Grant token subject (sub) is no user of ours.", request=request)
        request.client, request.user, request.scopes = client, user_id, list(SCOPES)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A valid request for access to a user's account.

    Attributes:
        response_mode: `web_message` or `query`.
        state: To be handed back as it came; None if it did not come.
    """

    client: Client
    redirect_uri: str
    response_mode: str
    state: str | None
    request: Any


class AuthorizationServer:
    """Answers one request in its transaction."""

    def __init__(self, session: Session, *, held: Resources, now: datetime) -> None:
        self._held = held
        settings = held.settings
        self._validator = Validator(session, keys=held.keys, site_client_id=settings.oauth_client_id, now=now)
        refresh = RefreshTokenGrant(self._validator, pre_token=[self._validator.find_refresh_token])
        self._codes = CodeGrant(self._validator)
        bearer: Any = BearerToken(
            self._validator,
            token_generator=lambda _: new_token(ACCESS_PREFIX),
            refresh_token_generator=lambda _: new_token(REFRESH_PREFIX),
            expires_in=int(ACCESS_LIFETIME.total_seconds()),
        )
        self._endpoint = TokenEndpoint(
            default_grant_type=AUTHORIZATION_CODE,
            default_token_type=bearer,
            grant_types={
                AUTHORIZATION_CODE: self._codes,
                REFRESH_TOKEN: refresh,
                JWT_BEARER: JWTBearerGrant(
                    self._validator, audience=urlsplit(settings.app_url).hostname or "", session=session, now=now
                ),
            },
        )

    def authorization(self, params: Sequence[tuple[str, str]]) -> Authorization:
        """Return the request for access that these parameters make.

        Raises:
            OAuth2Error: They make none; nothing may be sent to any address that they name.
        """
        request: Any = Request(f"{self._held.settings.app_url}/oauth/authorize?{urlencode(params)}")
        self._codes.validate_authorization_request(request)
        client: Client = request.client
        mode = request.response_mode or QUERY
        if mode not in (QUERY, WEB_MESSAGE):
            raise InvalidRequestError("The response_mode must be query or web_message.")
        # The client tells where it runs; a code goes nowhere but to the registered address.
        if dict(params).get("origin", client.origin) != client.origin:
            raise InvalidRequestError("The origin is not that of the client's redirect URI.")
        if client.authority != self._held.settings.authority:
            raise InvalidRequestError("Nobody can sign in here for this client.")
        return Authorization(client, request.redirect_uri, mode, request.state, request)

    def grant_code(self, authorization: Authorization, *, user_id: int, browser_session: str | None) -> str:
        """Let the client act for the user, and return the code that proves it once.

        Args:
            authorization: What the client asked for.
            user_id: Who lets it.
            browser_session: Key of the browser session in which that happens.
        """
        request = authorization.request
        request.user, request.browser_session = user_id, browser_session
        grant = self._codes.create_authorization_code(request)
        self._validator.save_authorization_code(request.client_id, grant, request)
        return str(grant["code"])

    def token_response(
        self, params: Sequence[tuple[str, str]], *, authorization: str | None
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """Return status, headers and body of the answer of the token endpoint.

        Args:
            params: The fields of the form.
            authorization: The `Authorization` header.
        """
        repeated = [name for name, times in Counter(name for name, _ in params).items() if times > 1]
        if repeated:
            error = InvalidRequestError(f"Duplicate {repeated[0]} parameter.")
            return error.status_code, {}, dict(error.twotuples)
        headers, body, status = self._endpoint.create_token_response(
            f"{self._held.settings.app_url}/api/token",
            "POST",
            urlencode(params),
            {"Authorization": authorization} if authorization else {},
        )
        return status, headers, json.loads(body)
