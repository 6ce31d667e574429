"""Bearer tokens: made at random, kept as hashes."""

import hashlib
import secrets


def hash_token(token: str) -> bytes:
    """Return the 32-byte SHA-256 under which a bearer token is stored and looked up.

    Tokens carry 256 random bits, so a fast unsalted hash is enough.
    """
    return hashlib.sha256(token.encode()).digest()


def new_token(prefix: str) -> str:
    """Return a bearer token of 32 random bytes: the prefix and 43 characters of URL-safe base64."""
    return prefix + secrets.token_urlsafe(32)
