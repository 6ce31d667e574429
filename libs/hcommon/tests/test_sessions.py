"""Browser sessions on a real server."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hcommon.errors import ErrorKind
from hcommon.sessions import LIFETIME, TOUCH_INTERVAL, SessionStore, SessionsUnavailableError
from hcommon.testing.clock import FrozenClock
from hstandalone.valkey import EmbeddedValkey
from redis import Redis


@pytest.fixture
def redis(valkey: EmbeddedValkey) -> Iterator[Redis]:
    client = Redis.from_url(valkey.url(1))
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def store(redis: Redis) -> SessionStore:
    return SessionStore(redis)


class TestStart:
    def test_gives_a_cookie_that_finds_the_session(self, store: SessionStore, clock: FrozenClock) -> None:
        cookie, session = store.start(user_id=7, now=clock.now(), agent="Firefox", address="192.0.2.1")
        assert store.find(cookie, now=clock.now()) == session
        assert (session.user_id, session.created, session.last_seen) == (7, clock.now(), clock.now())
        assert (session.agent, session.address) == ("Firefox", "192.0.2.1")

    def test_keeps_a_hash_of_the_cookie_alone(self, store: SessionStore, redis: Redis, clock: FrozenClock) -> None:
        cookie, session = store.start(user_id=7, now=clock.now())
        assert session.key == hashlib.sha256(cookie.encode()).hexdigest()
        keys = redis.keys()
        assert f"h:session:{session.key}".encode() in keys
        assert all(cookie.encode() not in key + redis.dump(key) for key in keys)

    def test_gives_every_session_its_own_secrets(self, store: SessionStore, clock: FrozenClock) -> None:
        (first, one), (second, two) = (store.start(user_id=7, now=clock.now()) for _ in range(2))
        assert len({first, second, one.csrf_secret, two.csrf_secret}) == 4


class TestFind:
    def test_knows_no_cookie_of_others(self, store: SessionStore, clock: FrozenClock) -> None:
        assert store.find("A" * 43, now=clock.now()) is None
        assert store.find("", now=clock.now()) is None

    def test_writes_down_the_use_once_a_minute(self, store: SessionStore, clock: FrozenClock) -> None:
        cookie, session = store.start(user_id=7, now=clock.now())
        clock.advance(seconds=TOUCH_INTERVAL.total_seconds() - 1)
        assert store.find(cookie, now=clock.now()) == session
        seen = clock.advance(seconds=1)
        assert store.find(cookie, now=seen).last_seen == seen
        assert store.find(cookie, now=seen + timedelta(seconds=1)).last_seen == seen

    def test_extends_the_life_on_every_use(self, store: SessionStore, redis: Redis, clock: FrozenClock) -> None:
        cookie, session = store.start(user_id=7, now=clock.now())
        for _ in range(3):
            redis.expire(f"h:session:{session.key}", 100)
            assert store.find(cookie, now=clock.advance(days=80)) is not None
            assert redis.ttl(f"h:session:{session.key}") > 89 * 24 * 3600

    def test_ends_what_was_not_used_for_too_long(self, store: SessionStore, clock: FrozenClock) -> None:
        cookie, _ = store.start(user_id=7, now=clock.now())
        late = clock.now() + LIFETIME + timedelta(seconds=1)
        assert store.find(cookie, now=late) is None

    def test_does_not_bring_an_ended_session_back(self, store: SessionStore, clock: FrozenClock) -> None:
        cookie, session = store.start(user_id=7, now=clock.now())
        store.end(session)
        assert store.find(cookie, now=clock.advance(hours=1)) is None


class TestEnd:
    def test_ends_one(self, store: SessionStore, clock: FrozenClock) -> None:
        (one, session), (other, _) = (store.start(user_id=7, now=clock.now()) for _ in range(2))
        store.end(session)
        assert store.find(one, now=clock.now()) is None
        assert store.find(other, now=clock.now()) is not None

    def test_ends_all_but_the_one_in_use(self, store: SessionStore, clock: FrozenClock) -> None:
        cookies = [store.start(user_id=7, now=clock.now()) for _ in range(3)]
        stranger, _ = store.start(user_id=8, now=clock.now())
        assert store.end_all(user_id=7, keep=cookies[1][1]) == 2
        assert [store.find(cookie, now=clock.now()) is not None for cookie, _ in cookies] == [False, True, False]
        assert store.find(stranger, now=clock.now()) is not None
        assert store.end_all(user_id=7) == 1
        assert store.end_all(user_id=7) == 0

    def test_forgets_what_has_run_out(self, store: SessionStore, redis: Redis, clock: FrozenClock) -> None:
        _, session = store.start(user_id=7, now=clock.now())
        redis.delete(f"h:session:{session.key}")  # as Redis does when its time is over
        store.start(user_id=7, now=clock.now())
        assert redis.zcard("h:sessions-of:7") == 1


class TestNewest:
    def test_lists_the_ones_used_last(self, store: SessionStore, clock: FrozenClock) -> None:
        (cookie, first), (_, second) = (store.start(user_id=7, now=clock.now()) for _ in range(2))
        _, third = store.start(user_id=7, now=clock.advance(minutes=5))
        store.start(user_id=8, now=clock.now())
        store.find(cookie, now=clock.advance(minutes=5))
        found = store.newest(user_id=7, now=clock.now(), limit=2)
        assert [session.key for session in found] == [first.key, third.key]
        assert found[0].last_seen == clock.now()
        assert set(store.keys(user_id=7)) == {first.key, second.key, third.key}
        assert store.newest(user_id=9, now=clock.now(), limit=2) == []

    def test_leaves_out_what_has_run_out(self, store: SessionStore, redis: Redis, clock: FrozenClock) -> None:
        _, gone = store.start(user_id=7, now=clock.now())
        store.start(user_id=7, now=clock.now())
        redis.delete(f"h:session:{gone.key}")
        assert len(store.newest(user_id=7, now=clock.now(), limit=9)) == 1
        assert store.newest(user_id=7, now=clock.now() + LIFETIME + timedelta(seconds=1), limit=9) == []


class TestWithoutRedis:
    def test_says_that_it_is_away(self, tmp_path: Path, clock: FrozenClock) -> None:
        with EmbeddedValkey(tmp_path / "valkey", durable=False) as server:
            redis = Redis.from_url(server.url())
            store = SessionStore(redis)
            cookie, session = store.start(user_id=7, now=clock.now())
        attempts = [
            lambda: store.start(user_id=7, now=clock.now()),
            lambda: store.find(cookie, now=clock.now()),
            lambda: store.end(session),
            lambda: store.end_all(user_id=7),
            lambda: store.newest(user_id=7, now=clock.now(), limit=9),
            lambda: store.keys(user_id=7),
        ]
        for attempt in attempts:
            with pytest.raises(SessionsUnavailableError) as caught:
                attempt()
            assert caught.value.kind is ErrorKind.UNAVAILABLE
        redis.close()


class TestWrongClocks:
    def test_one_that_is_ahead_for_a_while_ends_no_session(self, store: SessionStore, clock: FrozenClock) -> None:
        cookie, session = store.start(user_id=7, now=clock.now())
        assert store.find(cookie, now=clock.now() + 2 * LIFETIME) is None
        assert store.find(cookie, now=clock.now()) == session

    def test_a_session_of_before_can_still_be_ended_with_all_others(
        self, store: SessionStore, clock: FrozenClock
    ) -> None:
        cookie, _ = store.start(user_id=7, now=clock.now())
        store.start(user_id=7, now=clock.now() + 2 * LIFETIME)
        store.end_all(user_id=7)
        assert store.find(cookie, now=clock.now()) is None
