"""Password hashes: argon2id, with the parameters that travel in each hash.

Each computation takes 19 MiB for a few hundredths of a second. Only a few run at a time, so that a burst of sign-ins
waits instead of exhausting memory.
Source: OWASP Password Storage Cheat Sheet (m=19 MiB, t=2, p=1); NIST SP 800-63B, 3.1.1.2 (length, normalisation).
"""

import threading
import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARACTERS: Final = 8
MAX_BYTES: Final = 1024
CONCURRENT: Final = 2

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
_slots = threading.BoundedSemaphore(CONCURRENT)


def problem_of(password: str) -> str | None:
    """Return why a new password is refused, or None."""
    if len(password) < MIN_CHARACTERS:
        return f"Must have at least {MIN_CHARACTERS} characters."
    if len(_normalized(password)) > MAX_BYTES:
        return f"Must have at most {MAX_BYTES} bytes."
    return None


def hash_password(password: str) -> str:
    """Return the hash to store."""
    with _slots:
        return _hasher.hash(_normalized(password))


def is_right(password_hash: str | None, password: str) -> bool:
    """Tell whether this is the password; without a hash it takes as long, and is never right."""
    given = _normalized(password)
    if len(given) > MAX_BYTES:
        given = b""
    with _slots:
        try:
            _hasher.verify(password_hash or _hash_of_nothing(), given)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Tell whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _hash_of_nothing() -> str:
    return _hasher.hash(b"")


def _normalized(password: str) -> bytes:
    # The same characters, composed or not, depending on the keyboard, are the same password.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
