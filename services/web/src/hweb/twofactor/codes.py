"""Codes of the second factor: those of an app, and those for when the app is lost.

Source: RFC 6238 with the values that all apps know (SHA-1, six digits, 30 seconds); RFC 4226, section 5.3.
"""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS: Final = 6
STEP_SECONDS: Final = 30
WINDOW: Final = (0, -1, 1)
"""Steps that count beside the present one: clocks differ, and typing takes a while."""

RECOVERY_CODES: Final = 10

_SECRET_BYTES: Final = 20
_RECOVERY_BYTES: Final = 10
_GROUP: Final = 4


def new_secret() -> str:
    """Return a secret in Base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def new_recovery_codes() -> list[str]:
    """Return codes as they are shown: `abcd-efgh-ijkl-mnop`, of letters and digits that nobody takes for each other."""
    made = (base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES))
    return [grouped(code, "-") for code in made]


def normalized(code: str) -> str:
    """Return a code as it is compared, however it was typed."""
    return "".join(character for character in code if character.isalnum()).lower()


def is_of_app(code: str) -> bool:
    """Tell whether this, normalized, has the form of an app's code."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def matching_step(secret: str, code: str, *, now: datetime, after: int = -1) -> int | None:
    """Return the time step whose code this is, near the present and later than `after`; None if it is of none."""
    totp = _totp(secret)
    present = int(now.timestamp()) // STEP_SECONDS
    for step in (present + distance for distance in WINDOW):
        if step > after and hmac.compare_digest(totp.generate(step * STEP_SECONDS), code.encode("utf-8", "replace")):
            return step
    return None


def setup_uri(secret: str, *, username: str, authority: str) -> str:
    """Return what the QR code says to an app."""
    return _totp(secret).get_provisioning_uri(username, authority)


def qr_svg(text: str) -> str:
    """Return a QR code as an `svg` element without scripts and styles, dark on light whatever the page is."""
    import segno  # noqa: PLC0415 - a megabyte that only setting up needs

    return segno.make(text, micro=False).svg_inline(scale=5, dark="#000", light="#fff", svgclass=None, lineclass=None)


def grouped(code: str, separator: str = " ") -> str:
    """Return a code in groups of four, in which people can find their place."""
    return separator.join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def _totp(secret: str) -> TOTP:
    # SHA-1 is what apps understand; as a MAC it is sound.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - see above
