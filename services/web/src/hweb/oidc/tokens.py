"""ID tokens: whether the provider says this, to us, now, and of this log-in.

Source: OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725 (algorithms are ours to choose, not the token's).
"""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from hweb.oidc.schemas import MAX_SUBJECT_CHARACTERS

# Signatures by a private key alone: with HS* anybody who knows what it is verified by could make one.
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
LEEWAY: Final = timedelta(minutes=1)
_OPTIONS: Final[Any] = {
    # PyJWT would read the system's clock: times are checked here.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
    "enforce_minimum_key_length": True,
}

Keys = Callable[[str | None, str], jwt.PyJWK | None]
"""Finds the provider's key by its id, which may be missing, and the algorithm that it shall serve."""


class UntrustedTokenError(Exception):
    """The token proves nothing; the text says why, and holds nothing of the token."""


def verify(token: str, *, keys: Keys, issuer: str, client_id: str, nonce: str, now: datetime) -> dict[str, Any]:
    """Return the claims of an ID token.

    Args:
        token: As the provider gave it out.
        keys: Where its key is found.
        issuer: Of our provider, to the letter.
        client_id: Ours.
        nonce: What this log-in was begun with.
        now: The current time.

    Raises:
        UntrustedTokenError: It is of another provider, for somebody else, of another time or log-in, or was altered.
    """
    try:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise UntrustedTokenError("algorithm")
        key = keys(key_id, algorithm)
        if key is None:
            raise UntrustedTokenError("unknown key")
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[algorithm], audience=client_id, issuer=issuer, options=_OPTIONS
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UntrustedTokenError(type(error).__name__) from error
    _check_party(claims, client_id)
    _check_times(claims, now)
    given = claims["nonce"]
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), nonce.encode()):
        raise UntrustedTokenError("nonce")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or "\0" in subject:
        raise UntrustedTokenError("subject")
    return claims


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """A token for several, or one that names a party, has to name us."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise UntrustedTokenError("authorized party")


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise UntrustedTokenError("times")
    expires, issued, begins = times
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if not moment - leeway < expires:
        raise UntrustedTokenError("expired")
    if not max(issued, begins) <= moment + leeway:
        raise UntrustedTokenError("not yet valid")
