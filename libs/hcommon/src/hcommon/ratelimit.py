"""Rate limits, counted in Redis by the library `limits`, so that all processes share them.

A limit that cannot be counted refuses: what it guards (sign-in, sign-up) needs Redis anyway.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from hcommon.errors import ErrorKind, HError, UnavailableError

_IPV6_SITE_BITS: Final = 64
_KEY_PREFIX: Final = "h:limit"


class RateLimitedError(HError):
    """Too many attempts of one kind by one subject.

    Attributes:
        retry_after_seconds: After that long another attempt may succeed.
        limit: Name of the limit, for metrics.
    """

    kind = ErrorKind.RATE_LIMITED

    def __init__(self, *, retry_after_seconds: int, limit: str) -> None:
        super().__init__("There were too many attempts. Please wait a while and try again.")
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit


class LimitsUnavailableError(UnavailableError):
    """Redis is away, so nothing can be counted."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` in any `window`, for each subject.

    Attributes:
        name: Unique among limits; part of the key.
        window: Whole seconds.
    """

    name: str
    attempts: int
    window: timedelta


class RateLimiter:
    """Counts attempts in one Redis database."""

    def __init__(self, redis: Redis) -> None:
        # The library wants an address beside the pool and uses it for nothing.
        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix=_KEY_PREFIX)
        self._strategy = MovingWindowRateLimiter(storage)

    def count(self, limit: Limit, subject: str, *, now: datetime, attempts: int = 1) -> None:
        """Count an attempt, or what counts as several.

        Raises:
            RateLimitedError: It is one too many.
            LimitsUnavailableError: Redis does not answer.
        """
        item, key = _item(limit), _digest(subject)
        try:
            if self._strategy.hit(item, limit.name, key, cost=attempts):
                return
            reset_at = self._strategy.get_window_stats(item, limit.name, key).reset_time
        except RedisError as error:
            raise LimitsUnavailableError("This is not possible at the moment. Please try again soon.") from error
        seconds = math.ceil(reset_at - now.timestamp())
        retry_after_seconds = min(max(seconds, 1), int(limit.window.total_seconds()))
        raise RateLimitedError(retry_after_seconds=retry_after_seconds, limit=limit.name)

    def forget(self, limit: Limit, subject: str) -> None:
        """Forget a subject's attempts, after one that succeeded.

        Raises:
            LimitsUnavailableError: Redis does not answer.
        """
        try:
            self._strategy.clear(_item(limit), limit.name, _digest(subject))
        except RedisError as error:
            raise LimitsUnavailableError("This is not possible at the moment. Please try again soon.") from error


def network_of(address: str) -> str:
    """Return the subject that a network address is counted as: an IPv6 address as its /64, which one host owns."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ip_network(f"{address.partition('%')[0]}/{_IPV6_SITE_BITS}", strict=False))


def _item(limit: Limit) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(limit.attempts, int(limit.window.total_seconds()))


def _digest(subject: str) -> str:
    # Names and addresses of people do not belong into keys.
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()
