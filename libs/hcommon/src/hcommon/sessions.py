"""Browser sessions, kept in Redis.

The cookie carries 256 random bits; Redis knows only their SHA-256, so that whoever reads Redis cannot take over a
session. A session ends 90 days after it was last used. Each user's sessions are indexed, so that they can be
ended.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from hcommon.errors import UnavailableError
from hcommon.tokens import hash_token, new_token

LIFETIME = timedelta(days=90)
"""How long an unused session lives."""

TOUCH_INTERVAL = timedelta(minutes=1)
"""How often the use of a session is written down at most."""

_KEY = "h:session:"
_INDEX = "h:sessions-of:"
_LIFETIME_SECONDS = int(LIFETIME.total_seconds())


class SessionsUnavailableError(UnavailableError):
    """Redis is away: nobody is signed out, but nobody can be recognised either."""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One browser that is signed in.

    Attributes:
        key: SHA-256 of the cookie, in hexadecimal.
        csrf_secret: What the tokens of this session's forms are derived from; never leaves the server.
        agent: The browser at sign-in and what it ran on, for the list of sessions.
        address: Its network address at sign-in.
    """

    key: str
    user_id: int
    created: datetime
    last_seen: datetime
    csrf_secret: str
    agent: str = ""
    address: str = ""


class SessionStore:
    """The sessions in one Redis database.

    Every method raises SessionsUnavailableError when Redis does not answer.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def start(self, *, user_id: int, now: datetime, agent: str = "", address: str = "") -> tuple[str, BrowserSession]:
        """Start a session; return the cookie's value, which is not kept anywhere, and the session."""
        cookie = new_token("")
        session = BrowserSession(
            key=_key_of(cookie),
            user_id=user_id,
            created=now,
            last_seen=now,
            csrf_secret=secrets.token_urlsafe(32),
            agent=agent,
            address=address,
        )
        index = f"{_INDEX}{user_id}"
        with translated_errors(), self._redis.pipeline() as pipeline:
            gone = self._ended(user_id)
            pipeline.set(_KEY + session.key, _encode(session), ex=_LIFETIME_SECONDS)
            if gone:
                pipeline.zrem(index, *gone)
            pipeline.zadd(index, {session.key: now.timestamp()})
            pipeline.expire(index, _LIFETIME_SECONDS)
            pipeline.execute()
        return cookie, session

    def find(self, cookie: str, *, now: datetime) -> BrowserSession | None:
        """Return the session of a cookie and extend its life; None when it has ended or never was."""
        key = _key_of(cookie)
        with translated_errors():
            raw = self._redis.get(_KEY + key)
        session = _decode(key, raw)
        if session is None or session.last_seen + LIFETIME < now:
            return None
        if session.last_seen + TOUCH_INTERVAL > now:
            return session
        touched = replace(session, last_seen=now)
        return touched if self._save(touched) else None

    def end(self, session: BrowserSession) -> None:
        """End one session."""
        self.end_key(session.key, user_id=session.user_id)

    def end_key(self, key: str, *, user_id: int) -> None:
        """End the user's session of this key, if it has not ended."""
        with translated_errors(), self._redis.pipeline() as pipeline:
            pipeline.delete(_KEY + key)
            pipeline.zrem(f"{_INDEX}{user_id}", key)
            pipeline.execute()

    def end_all(self, *, user_id: int, keep: BrowserSession | None = None) -> int:
        """End a user's sessions but one, and return how many there were to end."""
        index = f"{_INDEX}{user_id}"
        with translated_errors():
            ended = [key for key in self._indexed(user_id) if keep is None or key != keep.key]
            if ended:
                with self._redis.pipeline() as pipeline:
                    pipeline.delete(*(_KEY + key for key in ended))
                    pipeline.zrem(index, *ended)
                    pipeline.execute()
        return len(ended)

    def newest(self, *, user_id: int, now: datetime, limit: int) -> list[BrowserSession]:
        """Return a user's sessions, the one that was used last first, and of many the first `limit`."""
        with translated_errors():
            keys = self._indexed(user_id)[: -limit - 1 : -1]
            kept: Any = self._redis.mget([_KEY + key for key in keys]) if keys else []
        found = (_decode(key, raw) for key, raw in zip(keys, kept, strict=True))
        return [session for session in found if session is not None and session.last_seen + LIFETIME >= now]

    def keys(self, *, user_id: int) -> list[str]:
        """Return the keys of all of a user's sessions; some may have run out."""
        with translated_errors():
            return self._indexed(user_id)

    def _save(self, session: BrowserSession) -> bool:
        """Write a session that is still there; one that was ended meanwhile stays ended."""
        index = f"{_INDEX}{session.user_id}"
        with translated_errors(), self._redis.pipeline() as pipeline:
            pipeline.set(_KEY + session.key, _encode(session), ex=_LIFETIME_SECONDS, xx=True)
            pipeline.zadd(index, {session.key: session.last_seen.timestamp()}, xx=True)
            pipeline.expire(index, _LIFETIME_SECONDS)
            saved = pipeline.execute()[0]
        return bool(saved)

    def _ended(self, user_id: int) -> list[str]:
        """Return the keys of sessions that Redis has let go: it knows how old they are, whatever our clock says."""
        keys = self._indexed(user_id)
        kept: Any = self._redis.mget([_KEY + key for key in keys]) if keys else []
        return [key for key, raw in zip(keys, kept, strict=True) if raw is None]

    def _indexed(self, user_id: int) -> list[str]:
        members: Any = self._redis.zrange(f"{_INDEX}{user_id}", 0, -1)
        return [member.decode() if isinstance(member, bytes) else str(member) for member in members]


@contextmanager
def translated_errors() -> Iterator[None]:
    """Let what goes wrong with Redis be a `SessionsUnavailableError`."""
    try:
        yield
    except RedisError as error:
        raise SessionsUnavailableError("Signing in is not possible at the moment. Please try again soon.") from error


def _key_of(cookie: str) -> str:
    return hash_token(cookie).hex()


def _encode(session: BrowserSession) -> bytes:
    return orjson.dumps(
        {
            "user_id": session.user_id,
            "created": session.created.timestamp(),
            "last_seen": session.last_seen.timestamp(),
            "csrf_secret": session.csrf_secret,
            "agent": session.agent,
            "address": session.address,
        }
    )


def _decode(key: str, raw: Any) -> BrowserSession | None:
    if raw is None:
        return None
    values = orjson.loads(raw)
    return BrowserSession(
        key=key,
        user_id=values["user_id"],
        created=datetime.fromtimestamp(values["created"], UTC),
        last_seen=datetime.fromtimestamp(values["last_seen"], UTC),
        csrf_secret=values["csrf_secret"],
        agent=values["agent"],
        address=values["address"],
    )
