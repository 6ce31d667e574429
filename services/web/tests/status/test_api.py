"""What load balancers and operators are told."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hcommon.db.engine import Database
from hcommon.models import OutboxEvent, PeriodicRun
from hcommon.testing.clock import FrozenClock
from hweb.app import create_app
from hweb.resources import Resources
from redis import Redis
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

NEVER = "max-age=0, must-revalidate, no-cache, no-store"


@pytest.fixture
def without_database(resources: Resources) -> TestClient:
    nowhere = Database("postgresql://h:h@127.0.0.1:1/h", pool_size=1)
    return TestClient(create_app(replace(resources, database=nowhere)), raise_server_exceptions=False)


@pytest.fixture
def without_redis(resources: Resources) -> TestClient:
    nowhere: Redis = Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    return TestClient(create_app(replace(resources, redis=nowhere)))


class TestStatus:
    def test_all_is_well(self, client: TestClient) -> None:
        answer = client.get("/_status")
        assert (answer.status_code, answer.json()) == (200, {"status": "okay"})
        assert answer.headers["cache-control"] == NEVER

    def test_without_the_database_it_is_not(self, without_database: TestClient) -> None:
        assert without_database.get("/_status").status_code == 503


class TestLiveness:
    def test_it_looks_at_nothing_else(self, without_database: TestClient) -> None:
        answer = without_database.get("/livez")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, NEVER)


class TestReadiness:
    def test_it_names_what_requests_need(self, client: TestClient) -> None:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["status"] == "okay"
        assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
            "database": True,
            "redis": True,
        }
        assert answer.headers["cache-control"] == NEVER

    def test_without_the_database_it_is_not_ready_and_says_why(self, without_database: TestClient) -> None:
        answer = without_database.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "failing")
        assert answer.json()["checks"]["database"]["ok"] is False
        assert answer.json()["checks"]["redis"]["ok"] is True

    def test_without_redis_it_is_not_ready(self, without_redis: TestClient) -> None:
        answer = without_redis.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["redis"]["ok"] is False

    def test_secrets_and_addresses_stay_inside(self, without_database: TestClient) -> None:
        assert "127.0.0.1" not in without_database.get("/readyz").text

    @pytest.mark.parametrize("address", ["8.8.8.8", "2600::1"])
    def test_the_internet_hears_no_more_than_whether_it_is_ready(
        self, client: TestClient, without_redis: TestClient, address: str
    ) -> None:
        for here, status, word in ((client, 200, "okay"), (without_redis, 503, "failing")):
            answer = TestClient(here.app, client=(address, 1)).get("/readyz")
            assert (answer.status_code, answer.json()) == (status, {"status": word})


class TestAdvice:
    def test_a_missing_client_and_a_working_search_are_told_but_do_not_count(self, client: TestClient) -> None:
        answer = client.get("/readyz")
        advisory = answer.json()["advisory"]
        assert answer.status_code == 200
        assert (advisory["client"]["ok"], advisory["client"]["detail"]) == (False, "ClientMissingError")
        assert advisory["search"]["ok"] is True

    def test_nothing_waits_for_the_relay(self, client: TestClient) -> None:
        assert client.get("/readyz").json()["advisory"]["outbox"]["detail"] == "nothing waits"

    def test_how_long_the_oldest_event_has_waited(
        self, client: TestClient, session: Session, clock: FrozenClock
    ) -> None:
        now = clock.now()
        for age, published in ((90, None), (10, None), (500, now), (-60, None)):
            due = now - timedelta(seconds=age)
            session.add(
                OutboxEvent(
                    event_id=uuid4(), type="x", payload="{}", occurred_at=due, due_at=due, published_at=published
                )
            )
        session.flush()
        told = client.get("/readyz")
        outbox = told.json()["advisory"]["outbox"]
        assert (told.status_code, outbox["ok"], outbox["detail"]) == (200, False, "oldest waits for 90 s")

    @pytest.mark.parametrize(("lag", "well"), [("0.0", True), ("6.2", False)])
    def test_how_far_search_is_behind(
        self, client: TestClient, session: Session, clock: FrozenClock, lag: str, well: bool
    ) -> None:
        at = clock.now() - timedelta(seconds=40)
        run = {"interval_seconds": 60, "started_at": at, "succeeded_at": at, "milliseconds": 5}
        session.add(PeriodicRun(name="report_search_lag", position=lag, **run))
        session.flush()
        search = client.get("/readyz").json()["advisory"]["search"]
        assert (search["ok"], search["detail"]) == (well, f"answers; was {float(lag):.0f} s behind 40 s ago")
