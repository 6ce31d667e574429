"""Applications that prove themselves with their secret, as HTTP Basic credentials.

They are let in only by routes that say so (`deps.ClientReadDep`, `deps.ClientWriteDep`); everywhere else their
credentials count for nothing. Source: specification of the API, section 2.1.
"""

import base64
import hmac
from typing import Final
from urllib.parse import unquote_plus
from uuid import UUID

from hcommon.auth import ClientIdentity, Principal
from hcommon.crypto import KeyRing
from hcommon.errors import ErrorKind, HError
from hcommon.models import AuthClient
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

SECRET_LABEL: Final = "authclient"  # noqa: S105 - the name of the key
"""Label under which secrets of clients are encrypted."""

CLIENT_CREDENTIALS: Final = "client_credentials"
"""The grant type of clients that use the API in their own name."""

Credentials = tuple[str, list[str]]
"""The id of a client, and the readings of its secret."""

_client = select(AuthClient.id, AuthClient.authority, AuthClient.secret_encrypted).where(
    AuthClient.id == bindparam("client_id"), AuthClient.grant_type == CLIENT_CREDENTIALS
)


class NotAClientError(HError):
    """Only an application of the right kind may do this."""

    kind = ErrorKind.FORBIDDEN


def basic_credentials(header: str | None) -> Credentials | None:
    """Return client id and the readings of the secret in Basic credentials; None for another scheme or no header.

    The secret should be form-encoded; many clients send it plain, so that there are two readings.
    Source: RFC 6749, section 2.3.1.
    """
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", [""]
    return unquote_plus(client_id), [unquote_plus(secret), secret]


def identify(connection: Connection | Session, *, credentials: Credentials, keys: KeyRing) -> ClientIdentity | None:
    """Return the client whose credentials these are, or None; it must have the grant type `client_credentials`.

    Raises:
        UndecryptableError: Its secret was encrypted under a key that is no longer configured.
    """
    try:
        client_id = UUID(credentials[0])
    except ValueError:
        return None
    row = connection.execute(_client, {"client_id": client_id}).mappings().first()
    if row is None or row["secret_encrypted"] is None:
        return None
    expected = keys.decrypt(SECRET_LABEL, row["secret_encrypted"]).encode()
    matches = [hmac.compare_digest(expected, secret.encode("utf-8", "replace")) for secret in credentials[1]]
    return ClientIdentity(id=row["id"], authority=row["authority"]) if any(matches) else None


def required(principal: Principal) -> ClientIdentity:
    """Return the client that asks.

    Raises:
        NotAClientError: It is no client; under `/api` that reads as 404.
    """
    if principal.client is None:
        raise NotAClientError("Only an application with credentials of its own may do this.")
    return principal.client
