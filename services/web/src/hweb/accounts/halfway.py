"""Log-ins that are halfway: the password was right, and the code of the second factor is still to come.

Such a state is no session and lets nobody do anything but bring the code. It lives for minutes, in Redis, under the
hash of a cookie that only the browser has that brought the password; and it ends when it is used, so that it is used
once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from hcommon.sessions import translated_errors
from hcommon.tokens import hash_token, new_token
from redis import Redis

from hweb.accounts.schemas import Account

CODE_PATH: Final = "/login/two-factor"
"""Where the code is asked for."""

HALFWAY_COOKIE: Final = "h_halfway"
LIFETIME: Final = timedelta(minutes=10)

_KEY: Final = "h:halfway:"


@dataclass(frozen=True, slots=True)
class Halfway:
    """One log-in that is halfway.

    Attributes:
        key: Where Redis has it; contains the SHA-256 of the cookie.
        password_changed: When the password that was brought had been changed last, in seconds; another one voids this.
    """

    key: str
    user_id: int
    password_changed: float | None

    def is_of(self, account: Account) -> bool:
        """Tell whether the account still has the password that was brought."""
        return account.id == self.user_id and self.password_changed == _changed(account)


class HalfwayStore:
    """The log-ins that are halfway, in one Redis database.

    Every method raises SessionsUnavailableError when Redis does not answer.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def start(self, account: Account, *, now: datetime) -> str:
        """Note that somebody brought the password of an account, and return the cookie's value."""
        cookie = new_token("")
        value = {
            "user_id": account.id,
            "password_changed": _changed(account),
            "expires": (now + LIFETIME).timestamp(),
        }
        with translated_errors():
            self._redis.set(_key_of(cookie), orjson.dumps(value), ex=int(LIFETIME.total_seconds()))
        return cookie

    def find(self, cookie: str, *, now: datetime) -> Halfway | None:
        """Return the state of a cookie; None when it was used, has expired or never was."""
        key = _key_of(cookie)
        with translated_errors():
            raw: Any = self._redis.get(key)
        if raw is None:
            return None
        value = orjson.loads(raw)
        if value["expires"] < now.timestamp():
            return None
        return Halfway(key, user_id=value["user_id"], password_changed=value["password_changed"])

    def finish(self, halfway: Halfway) -> bool:
        """End the state; False if somebody else did, who then is the one to sign in."""
        with translated_errors():
            return bool(self._redis.delete(halfway.key))


def _key_of(cookie: str) -> str:
    return _KEY + hash_token(cookie).hex()


def _changed(account: Account) -> float | None:
    return account.password_changed_at.timestamp() if account.password_changed_at else None
