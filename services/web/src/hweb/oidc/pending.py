"""What waits for somebody's return, kept in Redis for some minutes.

The visitor gets a random ticket, of which Redis knows only the SHA-256. It serves only together with the cookie of the
browser that it was given to, so that nobody can be led to the end of a log-in that somebody else began.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from hcommon.errors import UnavailableError
from hcommon.tokens import hash_token, new_token
from redis import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from hweb.oidc.schemas import Begun, Claims, NotBegunError, Stranger
from hweb.resources import Resources
from hweb.visitor import Visitor

COOKIE: Final = "h_oidc"
LIFETIME: Final = timedelta(minutes=15)

_SECONDS: Final = int(LIFETIME.total_seconds())
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class PendingUnavailableError(UnavailableError):
    """Redis is away."""


class Pending:
    """What waits for one browser.

    Every method raises PendingUnavailableError when Redis does not answer.
    """

    def __init__(self, request: Request, held: Resources) -> None:
        self._redis: Redis = held.redis
        self._now = held.clock.now()
        sent = request.cookies.get(COOKIE, "")
        self._cookie = sent if _TOKEN.fullmatch(sent) else None

    def put(self, value: Begun | Stranger) -> str:
        """Keep a value and return its ticket."""
        self._cookie = self._cookie or new_token("")
        ticket = new_token("")
        raw = orjson.dumps({"browser": _digest(self._cookie), "ends": self._ends().timestamp(), "value": asdict(value)})
        with _translate_errors():
            self._redis.set(_key(type(value), ticket), raw, ex=_SECONDS)
        return ticket

    def set_cookie(self, answer: Response, visitor: Visitor) -> None:
        """Have the browser that was given a ticket remembered."""
        if self._cookie is not None:
            visitor.set_cookie(answer, COOKIE, self._cookie, max_age=_SECONDS)

    def take_begun(self, ticket: str) -> Begun:
        """Return what was begun; a second time there is nothing.

        Raises:
            NotBegunError: Nothing waits for this browser under this ticket.
        """
        with _translate_errors():
            return Begun(**self._value(self._redis.getdel(_key(Begun, ticket))))

    def stranger(self, ticket: str) -> Stranger:
        """Return who has come; the ticket goes on serving until `forget_stranger`.

        Raises:
            NotBegunError: Nothing waits for this browser under this ticket.
        """
        with _translate_errors():
            value = self._value(self._redis.get(_key(Stranger, ticket)))
        return Stranger(claims=Claims(**value["claims"]), carried=value["carried"])

    def forget_stranger(self, ticket: str) -> None:
        """Let a ticket serve no more."""
        with _translate_errors():
            self._redis.delete(_key(Stranger, ticket))

    def _ends(self) -> datetime:
        return self._now + LIFETIME

    def _value(self, raw: Any) -> dict[str, Any]:
        kept = orjson.loads(raw) if raw is not None else None
        if (
            kept is None
            or self._cookie is None
            or kept["browser"] != _digest(self._cookie)
            or kept["ends"] <= self._now.timestamp()
        ):
            raise NotBegunError
        value: dict[str, Any] = kept["value"]
        return value


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise PendingUnavailableError("Logging in is not possible at the moment. Please try again soon.") from error


def _key(kind: type, ticket: str) -> str:
    return f"h:oidc:{kind.__name__.lower()}:{_digest(ticket)}"


def _digest(token: str) -> str:
    return hash_token(token).hex()
