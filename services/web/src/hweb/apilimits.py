"""How much one user, application or address may ask of the API: writes, tokens and searches of the index.

The rates are those of the proxy that the replaced server stands behind, over five minutes instead of seconds: that
proxy delays what comes too fast, this refuses it, and an import of some hundred annotations must not be refused.
A write counts once more for each 64 KiB of its body, so that nobody fills the disk with the largest there are.
Reads of pages and badges are not counted: they are answered from memory or with one cheap statement, and asking Redis
would cost more than answering. Subjects are users rather than tokens, so that more tokens do not give more.

Redis being away stops nobody: what these limits guard does not need it.
Source: specification of the API, section 8.4.
"""

from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from hcommon.auth import Principal
from hcommon.logging import get_logger
from hcommon.ratelimit import Limit, LimitsUnavailableError, RateLimiter, network_of
from redis import Redis

from hweb.middleware import BODY_BYTES

_WINDOW: Final = timedelta(minutes=5)
ANNOTATIONS: Final = Limit("api-annotations", 1_200, _WINDOW)
"""New annotations: four a second."""
WRITES: Final = Limit("api-writes", 1_200, _WINDOW)
"""All other writes: four a second."""
SEARCHES: Final = Limit("api-searches", 1_200, _WINDOW)
"""Searches that the index answers: four a second."""
TOKENS: Final = Limit("api-tokens", 1_200, _WINDOW)
"""Requests for tokens, by address: four a second."""
APPLICATIONS: Final = Limit("api-applications", 15_000, _WINDOW)
"""Whatever an application with credentials of its own asks for: fifty a second."""

WRITE_UNIT_BYTES: Final = 64 * 1024
"""A write counts once, and once more for each so many bytes of its body."""

LARGE_BODY_BYTES: Final = 512 * 1024
LARGE_WRITES: Final = Limit("api-large-writes", 20, timedelta(days=1))
"""Writes with a longer body, which nobody types; the pages of a listing are as long as what was written, and a few
hundred of the largest would be more than a process can answer with."""

PAUSE: Final = timedelta(seconds=10)
"""How long nothing is counted after Redis did not answer, so that not every request waits for it."""

_CREATE: Final = "annotation.create"

_log = get_logger(__name__)


class ApiLimits:
    """Counts what the API is asked for; all threads share one.

    Attributes:
        enabled: Whether anything is counted at all.
    """

    def __init__(self, redis: Redis, *, enabled: bool) -> None:
        self.enabled = enabled
        self._limiter = RateLimiter(redis)
        self._paused_until: datetime | None = None

    def count_write(self, request: Request, principal: Principal, *, now: datetime) -> None:
        """Count what is no read.

        Raises:
            RateLimitedError: It is one too many.
        """
        created = getattr(request.scope.get("route"), "name", None) == _CREATE
        length = request.scope.get(BODY_BYTES, 0)
        if length > LARGE_BODY_BYTES and principal.client is None:
            self._count_of(LARGE_WRITES, request, principal, now=now)
        weight = 1 + length // WRITE_UNIT_BYTES
        self._count_of(ANNOTATIONS if created else WRITES, request, principal, now=now, attempts=weight)

    def count_search(self, request: Request, principal: Principal, *, now: datetime) -> None:
        """Count a search that the index answers.

        Raises:
            RateLimitedError: It is one too many.
        """
        self._count_of(SEARCHES, request, principal, now=now)

    def count_token(self, request: Request, *, now: datetime) -> None:
        """Count a request for a token.

        Raises:
            RateLimitedError: It is one too many.
        """
        self._count(TOKENS, _address(request), now=now)

    def _count_of(
        self, limit: Limit, request: Request, principal: Principal, *, now: datetime, attempts: int = 1
    ) -> None:
        if principal.client is not None:
            self._count(APPLICATIONS, f"client:{principal.client.id}", now=now, attempts=attempts)
        elif principal.user_id is not None:
            self._count(limit, f"user:{principal.user_id}", now=now, attempts=attempts)
        else:
            self._count(limit, _address(request), now=now, attempts=attempts)

    def _count(self, limit: Limit, subject: str, *, now: datetime, attempts: int = 1) -> None:
        if not self.enabled or (self._paused_until is not None and now < self._paused_until):
            return
        try:
            self._limiter.count(limit, subject, now=now, attempts=attempts)
        except LimitsUnavailableError:
            self._paused_until = now + PAUSE
            _log.warning("api_limits_paused", seconds=PAUSE.total_seconds())


def _address(request: Request) -> str:
    return f"address:{network_of(request.client.host if request.client else '')}"
