"""Keys derived from the master secret, signed values and encryption at rest.

Every key comes from `SECRET_KEY` by HKDF-SHA512 under a label of its purpose, so that a leaked key of one
purpose opens nothing else. With `SECRET_KEY_PREVIOUS` set, what the previous key signed or encrypted is
still accepted; new values always use the current one.
"""

import base64
import hashlib
import hmac
from datetime import datetime

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hcommon.errors import HError

KEY_BYTES = 32


class InvalidSignatureError(HError):
    """A signed value was altered, is of another purpose, or has expired."""


class UndecryptableError(HError):
    """A stored secret was encrypted under a key that is no longer configured."""


class KeyRing:
    """The master secret and, during a rotation, the one before it."""

    def __init__(self, secret_key: str, previous: str | None = None) -> None:
        self._masters = [secret_key.encode()] + ([previous.encode()] if previous else [])

    def derive(self, label: str) -> bytes:
        """Return the current 32-byte key of a purpose."""
        return _derive(self._masters[0], label)

    def sign(self, label: str, value: object, *, expires_at: datetime | None = None) -> str:
        """Return a URL-safe text that carries `value` (JSON) and proves that we wrote it for this purpose."""
        expiry = int(expires_at.timestamp()) if expires_at else None
        payload = _b64(orjson.dumps([expiry, value]))
        return f"{payload}.{_b64(_mac(self.derive(label), payload))}"

    def verify(self, label: str, signed: str, *, now: datetime) -> object:
        """Return the value that `sign` was given.

        Raises:
            InvalidSignatureError: The text was not signed for this purpose, or has expired.
        """
        payload, _, mac = signed.partition(".")
        given = mac.encode("utf-8", "replace")
        keys = [_derive(master, label) for master in self._masters]
        if not any(hmac.compare_digest(_b64(_mac(key, payload)).encode(), given) for key in keys):
            raise InvalidSignatureError("This link is not valid.")
        expiry, value = orjson.loads(_unb64(payload))
        if expiry is not None and now.timestamp() > expiry:
            raise InvalidSignatureError("This link has expired.")
        return value

    def encrypt(self, label: str, secret: str) -> str:
        """Return `secret` encrypted and authenticated under the purpose's current key."""
        return self._fernet(label).encrypt(secret.encode()).decode()

    def decrypt(self, label: str, encrypted: str) -> str:
        """Return what `encrypt` was given.

        Raises:
            UndecryptableError: Neither the current nor the previous key opens it.
        """
        try:
            return self._fernet(label).decrypt(encrypted.encode()).decode()
        except InvalidToken as error:
            raise UndecryptableError("A stored secret needs SECRET_KEY_PREVIOUS to be read.") from error

    def _fernet(self, label: str) -> MultiFernet:
        return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(master, label))) for master in self._masters])


def _derive(master: bytes, label: str) -> bytes:
    return HKDF(algorithm=SHA512(), length=KEY_BYTES, salt=None, info=f"h.{label}".encode()).derive(master)


def _mac(key: bytes, payload: str) -> bytes:
    return hmac.new(key, payload.encode("utf-8", "replace"), hashlib.sha256).digest()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
