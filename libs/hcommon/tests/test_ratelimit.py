"""Rate limits on a real server."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hcommon.clock import SystemClock
from hcommon.errors import ErrorKind
from hcommon.ratelimit import Limit, LimitsUnavailableError, RateLimitedError, RateLimiter, network_of
from hstandalone.valkey import EmbeddedValkey
from redis import Redis

THREE = Limit("three", 3, timedelta(minutes=10))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def redis(valkey: EmbeddedValkey) -> Iterator[Redis]:
    client = Redis.from_url(valkey.url(2))
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def limiter(redis: Redis) -> RateLimiter:
    return RateLimiter(redis)


class TestCount:
    def test_refuses_one_too_many_and_says_when_to_come_back(self, limiter: RateLimiter) -> None:
        for _ in range(3):
            limiter.count(THREE, "alice", now=NOW)
        with pytest.raises(RateLimitedError) as caught:
            limiter.count(THREE, "alice", now=SystemClock().now())
        assert caught.value.kind is ErrorKind.RATE_LIMITED
        assert 590 <= caught.value.retry_after_seconds <= 600

    def test_never_says_to_wait_longer_than_the_window(self, limiter: RateLimiter) -> None:
        limiter.count(Limit("one", 1, timedelta(minutes=1)), "x", now=NOW)
        with pytest.raises(RateLimitedError) as caught:
            limiter.count(Limit("one", 1, timedelta(minutes=1)), "x", now=NOW)
        assert caught.value.retry_after_seconds == 60

    def test_keeps_subjects_and_limits_apart(self, limiter: RateLimiter) -> None:
        for _ in range(3):
            limiter.count(THREE, "alice", now=NOW)
        limiter.count(THREE, "bob", now=NOW)
        limiter.count(Limit("other", 3, THREE.window), "alice", now=NOW)

    def test_is_shared_by_all_processes(self, limiter: RateLimiter, valkey: EmbeddedValkey) -> None:
        with Redis.from_url(valkey.url(2)) as other:
            for _ in range(3):
                RateLimiter(other).count(THREE, "alice", now=NOW)
        with pytest.raises(RateLimitedError):
            limiter.count(THREE, "alice", now=NOW)

    def test_allows_again_when_the_window_has_passed(self, limiter: RateLimiter) -> None:
        brief = Limit("brief", 1, timedelta(seconds=1))
        limiter.count(brief, "x", now=NOW)
        deadline = time.monotonic() + 10
        refused = 0
        while True:
            try:
                limiter.count(brief, "x", now=NOW)
                break
            except RateLimitedError:
                refused += 1
                assert time.monotonic() < deadline
        assert refused

    def test_writes_no_names_into_redis(self, limiter: RateLimiter, redis: Redis) -> None:
        limiter.count(THREE, "alice@example.net", now=NOW)
        assert redis.keys()
        assert not redis.keys("*alice*")


class TestForget:
    def test_starts_afresh(self, limiter: RateLimiter) -> None:
        for _ in range(2):
            for _ in range(3):
                limiter.count(THREE, "alice", now=NOW)
            limiter.forget(THREE, "alice")


class TestNetwork:
    @pytest.mark.parametrize(
        ("address", "subject"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("testclient", "testclient"),
            ("", ""),
        ],
    )
    def test_counts_an_ipv6_site_as_one(self, address: str, subject: str) -> None:
        assert network_of(address) == subject


class TestWithoutRedis:
    def test_refuses(self, tmp_path: Path) -> None:
        with EmbeddedValkey(tmp_path / "valkey", durable=False) as server:
            redis = Redis.from_url(server.url())
            redis.ping()
        limiter = RateLimiter(redis)
        with pytest.raises(LimitsUnavailableError):
            limiter.count(THREE, "alice", now=NOW)
        with pytest.raises(LimitsUnavailableError):
            limiter.forget(THREE, "alice")
        redis.close()
