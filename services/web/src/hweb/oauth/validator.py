"""What oauthlib asks about clients, codes and tokens, answered for one request in its transaction."""
# ruff: noqa: ARG002 - the signatures are oauthlib's; much of what it passes stands in the request too

import hmac
from datetime import datetime
from typing import Any
from uuid import UUID

from hcommon.auth import GRANT_SOURCE_JWT
from hcommon.crypto import KeyRing
from oauthlib.oauth2 import RequestValidator
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError
from sqlalchemy.orm import Session

from hweb.authclients import basic_credentials
from hweb.oauth import queries, service
from hweb.oauth.schemas import AUTHORIZATION_CODE, JWT_BEARER, REFRESH_TOKEN, SCOPES, Client, Code, RefreshToken

Request = Any
"""oauthlib's request: an attribute for every parameter, and whatever is set on it."""


class Validator(RequestValidator):
    """Answers for one request; the names and shapes of its methods are oauthlib's."""

    def __init__(self, session: Session, *, keys: KeyRing, site_client_id: UUID, now: datetime) -> None:
        self._session = session
        self._keys = keys
        self._site_client_id = site_client_id
        self._now = now
        self._code: Code | None = None
        self._refresh: RefreshToken | None = None

    def find_client(self, client_id: str | UUID | None) -> Client | None:
        """Return a client by its id."""
        return queries.client(self._session, client_id=client_id, keys=self._keys, site_client_id=self._site_client_id)

    # Authorization requests

    def validate_client_id(self, client_id: str, request: Request, *_: Any, **__: Any) -> bool:
        """Tell whether this client may ask users for access."""
        request.client = self.find_client(client_id)
        return request.client is not None and request.client.grant_type == AUTHORIZATION_CODE

    def get_default_redirect_uri(self, client_id: str, request: Request, *_: Any, **__: Any) -> Any:
        """Return the one redirect URI of the client."""
        return request.client.redirect_uri

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Request, *_: Any, **__: Any) -> bool:
        """Compare letter for letter: there are no patterns."""
        return bool(redirect_uri == request.client.redirect_uri)

    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Request, *_: Any, **__: Any
    ) -> bool:
        """Accept codes alone."""
        return response_type == "code"

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Request, *_: Any, **__: Any
    ) -> bool:
        """Accept known scopes; whichever are asked for, the token has all."""
        known = set(scopes) <= set(SCOPES)
        request.scopes = list(SCOPES)
        return known

    def get_default_scopes(self, client_id: str, request: Request, *_: Any, **__: Any) -> list[str]:
        """Return all scopes."""
        return list(SCOPES)

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """Ask for PKCE from nobody: the Hypothesis client does not know it."""
        return False

    def save_authorization_code(self, client_id: str, code: Any, request: Request, *_: Any, **__: Any) -> None:
        """Store the code."""
        service.save_code(
            self._session,
            code=code["code"],
            client_id=request.client.id,
            user_id=request.user,
            redirect_uri=None if request.using_default_redirect_uri else request.redirect_uri,
            code_challenge=request.code_challenge,
            browser_session=request.browser_session if request.client.id == self._site_client_id else None,
            now=self._now,
        )

    # Clients at the token endpoint

    def client_authentication_required(self, request: Request, *_: Any, **__: Any) -> bool:
        """Find the client and tell whether it must prove itself: it has a secret for that, or it sent one."""
        basic = basic_credentials(request.headers.get("Authorization"))
        claimed = basic[0] if basic else request.client_id
        if self._refresh is not None:
            owner = self._refresh.auth_client_id
            request.client = self.find_client(owner) if claimed in (None, "", str(owner)) else None
        else:
            request.client = self.find_client(claimed)
        client: Client | None = request.client
        if client is None:
            return False
        confidential = client.grant_type == AUTHORIZATION_CODE and not client.public
        return confidential or basic is not None or bool(request.client_secret)

    def authenticate_client(self, request: Request, *_: Any, **__: Any) -> bool:
        """Compare the secret, sent as Basic credentials or in the body, in constant time."""
        client: Client = request.client
        basic = basic_credentials(request.headers.get("Authorization"))
        given = basic[1] if basic else [request.client_secret or ""]
        request.client_id = client.client_id
        expected = (client.secret or "").encode()
        matches = [hmac.compare_digest(expected, secret.encode("utf-8", "replace")) for secret in given]
        return client.secret is not None and any(matches)

    def authenticate_client_id(self, client_id: str, request: Request, *_: Any, **__: Any) -> bool:
        """Accept a public client by its id."""
        if request.client is None:
            return False
        request.client_id = request.client.client_id
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *_: Any, **__: Any
    ) -> bool:
        """Tell whether this client may use this grant."""
        return grant_type == REFRESH_TOKEN or client.grant_type == AUTHORIZATION_CODE

    # Codes

    def validate_code(self, client_id: str, code: str, client: Any, request: Request, *_: Any, **__: Any) -> bool:
        """Find and lock the code. One that was exchanged before was stolen or is: what it led to ends.

        Source: RFC 6749, section 4.1.2; RFC 9700, section 2.1.1.
        """
        self._code = queries.code(self._session, code=code, client_id=client.id, now=self._now)
        if self._code is None:
            service.revoke_grant(self._session, grant_id=service.grant_id_of_code(code), now=self._now)
            return False
        request.user, request.scopes = self._code.user_id, list(SCOPES)
        return True

    def get_code_challenge(self, code: str, request: Request) -> Any:
        """Return the PKCE challenge that came with the authorization request.

        Source: RFC 9700, section 2.1.1: a verifier without a challenge means that somebody took the challenge out.

        Raises:
            InvalidGrantError: None came, and yet the client has a verifier.
        """
        challenge = self._code.code_challenge if self._code else None
        if challenge is None and request.code_verifier is not None:
            raise InvalidGrantError("The code was asked for without a challenge.", request=request)
        return challenge

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        """Return the only method there is."""
        return "S256"

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, request: Request, *_: Any, **__: Any
    ) -> bool:
        """Require the redirect URI of the authorization request again, if it named one."""
        if request.using_default_redirect_uri:
            return self._code is not None and self._code.redirect_uri is None
        return bool(redirect_uri == client.redirect_uri)

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *_: Any, **__: Any) -> None:
        """Forget the code."""
        service.drop_code(self._session, code=code)

    # Refresh tokens

    def find_refresh_token(self, request: Request) -> None:
        """Find and lock the refresh token before the client is looked at, because it alone names the client.

        Raises:
            InvalidGrantError: It is unknown, used or expired.
        """
        if request.refresh_token is not None:
            self._refresh = queries.refresh_token(self._session, token=request.refresh_token, now=self._now)
            if self._refresh is None:
                raise InvalidGrantError("The refresh token is unknown, was used or has expired.", request=request)

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Request, *_: Any, **__: Any) -> bool:
        """Accept the token found before."""
        if self._refresh is None:
            return False
        request.user = self._refresh.user_id
        return True

    def get_original_scopes(self, refresh_token: str, request: Request, *_: Any, **__: Any) -> list[str]:
        """Return all scopes."""
        return list(SCOPES)

    # Tokens

    def save_bearer_token(self, token: Any, request: Request, *_: Any, **__: Any) -> str | None:
        """Store a new pair, in a new grant or in that of the refresh token."""
        if self._refresh is not None:
            service.retire_refresh_token(self._session, token_id=self._refresh.id, now=self._now)
            grant_id = self._refresh.grant_id
        else:
            by_assertion = request.grant_type == JWT_BEARER
            grant_id = service.start_grant(
                self._session,
                grant_id=None if by_assertion else service.grant_id_of_code(request.code),
                user_id=request.user,
                client_id=request.client.id,
                source=GRANT_SOURCE_JWT if by_assertion else "code",
                browser_session=self._code.browser_session if self._code else None,
                now=self._now,
            )
        service.save_tokens(
            self._session,
            grant_id=grant_id,
            access_token=token["access_token"],
            refresh_token=token["refresh_token"],
            now=self._now,
        )
        return None
