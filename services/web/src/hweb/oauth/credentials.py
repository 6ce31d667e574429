"""Client credentials in the `Authorization` header."""

import base64
from urllib.parse import unquote_plus


def basic_credentials(header: str | None) -> tuple[str, list[str]] | None:
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
