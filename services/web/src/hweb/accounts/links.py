"""Links that carry a signature instead of a stored secret."""

from datetime import datetime, timedelta
from typing import Final

from hcommon.crypto import KeyRing

ACTIVATION: Final = "activate"
"""Label under which the worker signs `[user_id, email]` for the mailed link."""

RESET: Final = "reset-password"
"""Label under which the worker signs `[user_id, email, time of the last change]` for the mailed link."""

CHANGE_EMAIL: Final = "change-email"
"""Label under which the worker signs `[user_id, new, old, time of the last change]` for the mailed link."""

CLAIM: Final = "claim-admin"
"""Label of the link that makes the first administrator."""

CLAIM_LIFETIME: Final = timedelta(days=7)


def claim_url(*, app_url: str, keys: KeyRing, now: datetime) -> str:
    """Return the address at which the first administrator chooses a name and a password."""
    code = keys.sign(CLAIM, "first", expires_at=now + CLAIM_LIFETIME)
    return f"{app_url}/claim-admin/{code}"
