"""Assertions of the JWT bearer grant: an auth client vouches for one of its users.

Source: specification of the API, section 2.3 with section 14; RFC 7523, section 3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import jwt
from hcommon.errors import HError
from hcommon.ids import normalize_username, split_userid
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, InvalidRequestError

LONGEST: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=10)
_REQUIRED: Final = ("aud", "exp", "nbf", "sub")
# PyJWT would read the system's clock: times are checked here.
_OPTIONS: Final[Any] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": list(_REQUIRED)}


class Signer(Protocol):
    """A client, as far as assertions are concerned."""

    @property
    def secret(self) -> str | None:
        """The key of its signatures."""
        ...

    @property
    def authority(self) -> str:
        """Whose users it may vouch for."""
        ...


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an assertion vouches for: the user's name, normalised, and authority."""

    username_normalized: str
    authority: str


def issuer_of(assertion: str | None) -> str:
    """Return the client that an assertion names, before anything is proved.

    Raises:
        OAuth2Error: It is missing or no JWT.
    """
    if assertion is None:
        raise InvalidRequestError("Missing assertion parameter.")
    issuer = _decoded(lambda: jwt.decode(assertion, options={"verify_signature": False})).get("iss")
    if issuer is None:
        raise InvalidGrantError("Grant token is missing the claim iss.")
    if not isinstance(issuer, str):
        raise InvalidClientError("Unknown issuer of the grant token.")
    return issuer


def verify(assertion: str, *, signer: Signer, audience: str, now: datetime) -> Vouched:
    """Return whom an assertion vouches for.

    Args:
        assertion: The JWT.
        signer: The client that it names.
        audience: Our host name, without a port.
        now: The current time.

    Raises:
        OAuth2Error: With a text of its own for each thing that can be wrong.
    """
    secret = signer.secret or ""
    claims = _decoded(
        lambda: jwt.decode(
            assertion,
            secret,
            algorithms=["HS256"],
            audience=audience,
            options=_OPTIONS,
        )
    )
    _check_times(claims, now)
    try:
        username, authority = split_userid(claims["sub"])
    except HError as error:
        raise InvalidGrantError("Grant token subject (sub) is not a userid.") from error
    if authority != signer.authority:
        raise InvalidGrantError("Grant token subject (sub) is of another authority.")
    return Vouched(normalize_username(username), authority)


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    times = [claims["nbf"], claims["exp"]]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise InvalidGrantError("Grant token times (nbf, exp) must be numbers.")
    begins, ends = times
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if not begins <= moment + leeway:
        raise InvalidGrantError("Grant token is not yet valid.")
    if not moment - leeway < ends:
        raise InvalidGrantError("Grant token is expired.")
    if not ends - begins <= LONGEST.total_seconds():
        raise InvalidGrantError("Grant token lifetime is too long.")


def _decoded(decode: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the claims, or the reason in the protocol's terms; hostile input breaks the parser in many ways."""
    try:
        return decode()
    except jwt.MissingRequiredClaimError as error:
        raise InvalidGrantError(f"Grant token is missing the claim {error.claim}.") from error
    except jwt.InvalidAudienceError as error:
        raise InvalidGrantError("Grant token audience (aud) is not this host.") from error
    except jwt.InvalidSignatureError as error:
        raise InvalidGrantError("Grant token signature is wrong.") from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidGrantError("Grant token cannot be read.") from error
