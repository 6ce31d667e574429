"""Limits of the API: what is counted, for whom, and that Redis is not needed for it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hcommon.models import User
from hcommon.ratelimit import Limit, RateLimiter
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_access_token, make_user, make_world_group
from hstandalone.valkey import EmbeddedValkey
from hweb import apilimits
from hweb.app import create_app
from hweb.resources import Resources
from redis import Redis
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

NOTE = {"uri": "https://example.com/page"}
ADDRESS = "address:testclient"

Exhaust = Callable[..., None]


@pytest.fixture
def user(session: Session) -> User:
    make_world_group(session)
    return make_user(session)


@pytest.fixture
def bearer(session: Session, user: User) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {make_access_token(session, user=user)}"}
    session.flush()
    return headers


@pytest.fixture
def exhaust(resources: Resources) -> Exhaust:
    """Use up all that a subject has of a limit, `but` so much."""
    limiter = RateLimiter(resources.redis)

    def exhaust(limit: Limit, subject: str, *, but: int = 0) -> None:
        for _ in range(limit.attempts - but):
            limiter.count(limit, subject, now=resources.clock.now())

    return exhaust


class TestRefusing:
    def test_who_creates_too_much_is_told_when_to_try_again(
        self, client: TestClient, user: User, bearer: dict[str, str], exhaust: Exhaust
    ) -> None:
        exhaust(apilimits.ANNOTATIONS, f"user:{user.id}")
        answer = client.post("/api/annotations", json=NOTE, headers=bearer)
        assert answer.status_code == 429
        assert answer.json()["status"] == "failure"
        assert 1 <= int(answer.headers["Retry-After"]) <= 300
        assert client.get("/api/search").json()["total"] == 0

    def test_another_token_of_the_same_user_gives_no_more(
        self, client: TestClient, session: Session, user: User, exhaust: Exhaust
    ) -> None:
        exhaust(apilimits.ANNOTATIONS, f"user:{user.id}")
        token = make_access_token(session, user=user)
        session.flush()
        answer = client.post("/api/annotations", json=NOTE, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 429

    def test_a_long_body_counts_several_times(
        self, *, client: TestClient, user: User, bearer: dict[str, str], resources: Resources, exhaust: Exhaust
    ) -> None:
        long = NOTE | {"text": "x" * (5 * apilimits.WRITE_UNIT_BYTES)}
        assert client.post("/api/annotations", json=long, headers=bearer).status_code == 200
        [key] = resources.redis.keys()
        assert resources.redis.llen(key) == 6
        resources.redis.flushdb()
        exhaust(apilimits.ANNOTATIONS, f"user:{user.id}", but=5)
        assert client.post("/api/annotations", json=long, headers=bearer).status_code == 429
        assert client.post("/api/annotations", json=NOTE, headers=bearer).status_code == 200

    def test_of_bodies_that_nobody_types_there_are_a_few_a_day(
        self, *, client: TestClient, user: User, bearer: dict[str, str], exhaust: Exhaust
    ) -> None:
        exhaust(apilimits.LARGE_WRITES, f"user:{user.id}", but=1)
        created = client.post(
            "/api/annotations", json=NOTE | {"text": "x" * apilimits.LARGE_BODY_BYTES}, headers=bearer
        )
        assert created.status_code == 200
        path = f"/api/annotations/{created.json()['id']}"
        for text, status in (("y" * apilimits.LARGE_BODY_BYTES, 429), ("y" * 100_000, 200)):
            assert client.patch(path, json={"text": text}, headers=bearer).status_code == status

    def test_creating_and_the_other_writes_are_counted_apart(
        self, client: TestClient, user: User, bearer: dict[str, str], exhaust: Exhaust
    ) -> None:
        exhaust(apilimits.WRITES, f"user:{user.id}")
        created = client.post("/api/annotations", json=NOTE, headers=bearer)
        assert created.status_code == 200
        path = f"/api/annotations/{created.json()['id']}"
        assert client.patch(path, json={"text": "more"}, headers=bearer).status_code == 429
        assert client.get(path, headers=bearer).status_code == 200

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made-up"}])
    def test_whoever_is_unknown_is_counted_by_address(
        self, client: TestClient, exhaust: Exhaust, headers: dict[str, str]
    ) -> None:
        assert client.post("/api/annotations", json=NOTE, headers=headers).status_code == 404
        exhaust(apilimits.ANNOTATIONS, ADDRESS, but=1)
        assert client.post("/api/annotations", json=NOTE, headers=headers).status_code == 429

    def test_requests_for_tokens_are_counted_by_address(self, client: TestClient, exhaust: Exhaust) -> None:
        exhaust(apilimits.TOKENS, ADDRESS)
        answer = client.post("/api/token", data={"grant_type": "refresh_token", "refresh_token": "x"})
        assert answer.status_code == 429

    def test_an_application_has_a_limit_of_its_own(
        self, client: TestClient, basic_auth: Callable[..., dict[str, str]], resources: Resources
    ) -> None:
        assert client.post("/api/users", json={}, headers=basic_auth("lms.test")).status_code == 400
        [key] = resources.redis.keys()
        assert apilimits.APPLICATIONS.name in key.decode()

    def test_a_listing_that_is_asked_for_with_a_body_counts_once(
        self, client: TestClient, basic_auth: Callable[..., dict[str, str]], resources: Resources
    ) -> None:
        period = {"gt": "2026-01-01", "lte": "2026-01-02"}
        body = {"filter": {"groups": ["a"], "annotations_created": period}}
        answer = client.post("/api/bulk/group", json=body, headers=basic_auth("lms.test", capabilities=["bulk"]))
        assert answer.status_code == 200, answer.text
        [key] = resources.redis.keys()
        assert resources.redis.llen(key) == 1


class TestReads:
    def test_a_search_of_the_index_is_counted(self, client: TestClient, user: User, exhaust: Exhaust) -> None:
        exhaust(apilimits.SEARCHES, ADDRESS)
        assert client.get("/api/search", params={"any": "word"}).status_code == 429

    @pytest.mark.parametrize("path", ["/stream.atom", "/stream.rss"])
    def test_a_feed_of_a_search_of_the_index_is_counted(
        self, client: TestClient, user: User, exhaust: Exhaust, path: str
    ) -> None:
        exhaust(apilimits.SEARCHES, ADDRESS)
        assert client.get(path, params={"any": "word"}).status_code == 429
        assert client.get(path, params={"uri": "https://example.com"}).status_code == 200

    def test_reads_of_pages_do_not_even_ask_redis(
        self, client: TestClient, user: User, bearer: dict[str, str], resources: Resources
    ) -> None:
        for path in ("/api/search?uri=https://example.com", "/api/badge?uri=https://example.com", "/api/profile"):
            assert client.get(path, headers=bearer).status_code == 200
            assert client.get(path).status_code == 200
        assert resources.redis.keys() == []


class TestWithoutLimits:
    def test_nothing_is_counted_when_the_setting_says_so(self, resources: Resources, bearer: dict[str, str]) -> None:
        settings = resources.settings.model_copy(update={"rate_limits": False})
        client = TestClient(create_app(replace(resources, settings=settings)))
        assert client.post("/api/annotations", json=NOTE, headers=bearer).status_code == 200
        assert resources.redis.keys() == []

    def test_without_redis_writes_go_on_and_it_is_asked_again_after_a_while(
        self,
        resources: Resources,
        clock: FrozenClock,
        bearer: dict[str, str],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        with EmbeddedValkey(tmp_path / "valkey", durable=False) as server:
            redis: Redis = Redis.from_url(server.url())
        client = TestClient(create_app(replace(resources, redis=redis)))

        def failures_while_writing() -> int:
            assert client.post("/api/annotations", json=NOTE, headers=bearer).status_code == 200
            return capsys.readouterr().out.count("api_limits_paused")

        assert [failures_while_writing(), failures_while_writing()] == [1, 0]
        clock.advance(seconds=apilimits.PAUSE.total_seconds())
        assert failures_while_writing() == 1
        redis.close()
