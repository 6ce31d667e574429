"""The identity provider: where it is asked what, and what its answers prove.

Source: OpenID Connect Core 1.0, section 3.1; OpenID Connect Discovery 1.0, section 4; RFC 7636 (PKCE); RFC 9207
(the issuer in the answer).
"""

import base64
import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import jwt

from hweb.oidc.places import Places
from hweb.oidc.schemas import Begun, Claims
from hweb.oidc.tokens import UntrustedTokenError, verify
from hweb.oidc.transport import Transport, Visit
from hweb.settings import Settings, is_safe_from_listeners

CALLBACK_PATH: Final = "/oidc/callback"
AT_ONCE: Final = 3
"""Visitors for whom the provider is asked at once: each holds a thread, and the rest of the site needs some too."""
FRESH: Final = timedelta(hours=1)
"""How long the provider's addresses and keys are taken for what they were."""
KEYS_AGAIN: Final = timedelta(minutes=1)
"""How often a key that is not among those known may have them asked for."""

_DISCOVERY: Final = "/.well-known/openid-configuration"
_BASIC: Final = "client_secret_basic"
_POST: Final = "client_secret_post"


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the discovery document says."""

    authorize: str
    token: str
    keys: str
    userinfo: str | None
    auth_method: str
    names_itself: bool
    read_at: datetime


class Provider:
    """One provider; threads share it. Methods that ask it raise ProviderUnavailableError.

    Attributes:
        issuer: As it is configured.
        name: What people call it.
        places: Taken by whoever is about to ask.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_issuer  # noqa: S101 - settings with half a provider do not load
        assert settings.oidc_client_id  # noqa: S101
        assert settings.oidc_client_secret  # noqa: S101
        self.issuer = settings.oidc_issuer
        self.name = settings.provider_name or self.issuer
        self.places = Places(min(AT_ONCE, max(1, settings.database_pool_size // 2)))
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._scope = " ".join(settings.oidc_scopes)
        self._redirect_uri = settings.app_url + CALLBACK_PATH
        self._transport = Transport(name=self.name, connections=AT_ONCE)
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: list[dict[str, Any]] | None = None
        self._keys_asked_at = datetime.min.replace(tzinfo=UTC)

    def check(self, *, now: datetime) -> str:
        """Ask the provider for its addresses and keys, and return where it has to lead people back to."""
        visit = self._transport.visit()
        if not visit.get("keys", self._discovered(visit, now=now).keys).get("keys"):
            raise self._transport.failed("no keys")
        return self._redirect_uri

    def login_url(self, *, state: str, begun: Begun, now: datetime) -> str:
        """Return where to send the visitor's browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scope,
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = self._discovered(self._transport.visit(), now=now).authorize
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    def redeem(self, *, code: str, issuer: str | None, begun: Begun, now: datetime) -> Claims:
        """Return what the provider says of who has come back.

        Args:
            code: What the browser brought.
            issuer: Who the browser says that sent it, if it says so.
            begun: What it was sent away with.
            now: The current time.
        """
        visit = self._transport.visit()
        metadata = self._discovered(visit, now=now)
        if issuer != self.issuer and (issuer is not None or metadata.names_itself):
            raise self._transport.failed("the answer is of another issuer")
        answer = visit.post("token", metadata.token, **self._token_request(metadata, code, begun))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise self._transport.failed("no id_token")

        def find(key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
            return self._key(visit, metadata, key_id, algorithm, now=now)

        try:
            claims = verify(token, keys=find, issuer=self.issuer, client_id=self._client_id, nonce=begun.nonce, now=now)
        except UntrustedTokenError as error:
            raise self._transport.failed("untrusted id_token", why=str(error)) from error
        if not claims.get("email"):
            claims = self._more(visit, metadata, answer.get("access_token"), claims)
        return Claims.of(claims["sub"], claims)

    def _token_request(self, metadata: _Metadata, code: str, begun: Begun) -> dict[str, Any]:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": begun.verifier,
        }
        secret = self._secret.get_secret_value()
        if metadata.auth_method == _POST:
            fields |= {"client_id": self._client_id, "client_secret": secret}
            return {"headers": {}, "body": urlencode(fields)}
        pair = f"{quote_plus(self._client_id)}:{quote_plus(secret)}".encode()
        return {"headers": {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, "body": urlencode(fields)}

    def _more(self, visit: Visit, metadata: _Metadata, token: object, claims: dict[str, Any]) -> dict[str, Any]:
        """Add what only the userinfo endpoint tells: some providers keep addresses and names out of ID tokens."""
        if metadata.userinfo is None or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            return claims
        more = visit.get("userinfo", metadata.userinfo, token=token)
        if more.get("sub") != claims["sub"]:
            raise self._transport.failed("userinfo is of somebody else")
        return more | claims

    def _discovered(self, visit: Visit, *, now: datetime) -> _Metadata:
        with self._lock:
            if self._metadata is None or now - self._metadata.read_at >= FRESH:
                said = visit.get("discovery", self.issuer.rstrip("/") + _DISCOVERY)
                self._metadata = self._read(said, now=now)
            return self._metadata

    def _read(self, said: dict[str, Any], *, now: datetime) -> _Metadata:
        if said.get("issuer") != self.issuer:
            raise self._transport.failed(
                "OIDC_ISSUER is not what the discovery document says", says=str(said.get("issuer"))[:200]
            )
        needed = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(isinstance(address, str) and is_safe_from_listeners(address) for address in needed):
            raise self._transport.failed("the discovery document lacks addresses of https")
        authorize, token, keys = map(str, needed)
        userinfo = said.get("userinfo_endpoint")
        methods = said.get("token_endpoint_auth_methods_supported")
        only_post = isinstance(methods, list) and _POST in methods and _BASIC not in methods
        return _Metadata(
            authorize=authorize,
            token=token,
            keys=keys,
            userinfo=userinfo if isinstance(userinfo, str) else None,
            auth_method=_POST if only_post else _BASIC,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
            read_at=now,
        )

    def _key(
        self, visit: Visit, metadata: _Metadata, key_id: str | None, algorithm: str, *, now: datetime
    ) -> jwt.PyJWK | None:
        with self._lock:
            found = _find(self._keys or [], key_id, algorithm)
            may_wait = FRESH if found else KEYS_AGAIN
            if self._keys is None or now - self._keys_asked_at >= may_wait:
                self._keys_asked_at = now
                keys = visit.get("keys", metadata.keys).get("keys")
                if not isinstance(keys, list):
                    raise self._transport.failed("no list of keys")
                self._keys = [key for key in keys if isinstance(key, dict)]
                found = _find(self._keys, key_id, algorithm)
        return jwt.PyJWK(found, algorithm) if found else None


def _find(keys: list[dict[str, Any]], key_id: str | None, algorithm: str) -> dict[str, Any] | None:
    """Return the key that an ID token is to be verified by; one that may be several is none."""
    kinds = {"R": "RSA", "P": "RSA", "E": "OKP" if algorithm == "EdDSA" else "EC"}
    fitting = [
        key
        for key in keys
        if key.get("kty") == kinds[algorithm[0]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid") == key_id)
    ]
    return fitting[0] if len(fitting) == 1 or (fitting and key_id is not None) else None
