"""The first moments of a process: its port is open, and its database may not be there yet."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hcommon.db.engine import Database
from hcommon.db.schema import REVISION
from hweb.app import create_app
from hweb.opening import Opening
from hweb.resources import Resources
from sqlalchemy import text
from starlette.testclient import TestClient

SECONDS = 20.0


def set_revision(database: Database, revision: str) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def start(resources: Resources, database: Database) -> TestClient:
    """Return a client of an application that has not started; entering it starts it."""
    held = replace(resources, database=database, opening=Opening())
    return TestClient(create_app(held), base_url="http://example.org", raise_server_exceptions=False)


@pytest.fixture
def waiting(resources: Resources, fresh_database: Database) -> Iterator[TestClient]:
    """A process whose database has an older schema."""
    set_revision(fresh_database, "0000")
    with start(resources, fresh_database) as client:
        yield client


class TestWithoutSchema:
    def test_it_is_alive_and_not_ready(self, waiting: TestClient) -> None:
        assert waiting.get("/livez").status_code == 200
        answer = waiting.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["database"]["ok"]) == (503, False)

    def test_the_api_says_so_in_its_own_shape(self, waiting: TestClient) -> None:
        answer = waiting.get("/api/search", headers={"Origin": "https://example.com"})
        assert answer.status_code == 503
        assert answer.json()["status"] == "failure"
        assert "not ready yet" in answer.json()["reason"]
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["access-control-allow-origin"] == "*"

    def test_people_get_a_page(self, waiting: TestClient) -> None:
        answer = waiting.get("/login")
        assert answer.status_code == 503
        assert "Not available at the moment" in answer.text

    def test_it_serves_once_the_schema_is_there(self, waiting: TestClient, fresh_database: Database) -> None:
        set_revision(fresh_database, REVISION)
        deadline = time.monotonic() + SECONDS
        while waiting.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline
        assert waiting.get("/api/").status_code == 200


class TestWithoutDatabase:
    def test_it_opens_and_ends_all_the_same(self, resources: Resources) -> None:
        with start(resources, Database("postgresql://h:h@127.0.0.1:1/h", pool_size=1)) as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/_status").status_code == 503
            assert client.get("/api/").status_code == 503


class TestWithEverything:
    def test_the_first_request_is_served(self, resources: Resources, fresh_database: Database) -> None:
        with start(resources, fresh_database) as client:
            assert client.get("/api/").status_code == 200
