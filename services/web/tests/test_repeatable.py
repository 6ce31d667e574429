"""A transaction that PostgreSQL ended in favour of another is run again, and nobody notices."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from hcommon.db.engine import Database, DatabaseBusyError, DatabaseConflictError
from hcommon.ids import annotation_id_from_urlsafe
from hcommon.models import Annotation
from hcommon.testing.factories import make_access_token, make_user, make_world_group
from hweb import errors
from hweb.app import create_app
from hweb.repeatable import TRIES, RepeatableRoute
from hweb.resources import Resources
from sqlalchemy import select, text, update
from starlette.testclient import TestClient

PAGE = "https://example.com/page"
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture
def patient(fresh_database_url: str) -> Iterator[Database]:
    """Connections that look for a deadlock only after a while, so that the test can make one first."""
    database = Database(f"{fresh_database_url}", pool_size=4)
    with database.read() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET deadlock_timeout = '3s'"))
    database.engine.dispose()
    yield database
    database.close()


@pytest.fixture
def client(resources: Resources, patient: Database) -> TestClient:
    values = {name: getattr(resources, name) for name in resources.__slots__} | {"database": patient}
    return TestClient(create_app(Resources(**values)), raise_server_exceptions=False)


def someone_waits(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.execute(WAITING).scalar_one())


class TestDeadlock:
    def test_of_a_change_and_a_piece_of_revisions_ends_well_for_both(
        self, client: TestClient, patient: Database
    ) -> None:
        with patient.transaction() as session:
            make_world_group(session)
            user = make_user(session)
            headers = {"Authorization": f"Bearer {make_access_token(session, user=user)}"}
        created = client.post("/api/annotations", json={"uri": PAGE, "text": "before"}, headers=headers).json()
        key = annotation_id_from_urlsafe(created["id"])
        path = f"/api/annotations/{created['id']}"
        # A new claim raises the revision of the document before the annotation is locked.
        change = {"text": "after", "document": {"link": [{"href": "https://example.com/same", "rel": "alternate"}]}}

        with ThreadPoolExecutor(1) as pool, patient.transaction() as session:
            session.execute(text("SET LOCAL deadlock_timeout = '60s'"))
            # As the worker does: annotations first, and then what triggers raise.
            session.execute(select(Annotation.id).where(Annotation.id == key).with_for_update())
            answer = pool.submit(lambda: client.patch(path, json=change, headers=headers))
            deadline = time.monotonic() + 30
            while not someone_waits(patient):
                assert time.monotonic() < deadline
                assert not answer.done(), answer.result().text
            session.execute(update(Annotation).where(Annotation.id == key).values(revision=Annotation.revision + 1))
            session.commit()
            changed = answer.result(timeout=60)

        assert changed.status_code == 200, changed.text
        assert changed.json()["text"] == "after"
        with patient.read() as connection:
            assert connection.execute(select(Annotation.revision).where(Annotation.id == key)).scalar_one() == 3


@pytest.fixture
def calls() -> list[Any]:
    """The bodies with which the route below was called."""
    return []


@pytest.fixture
def unlucky(resources: Resources, calls: list[Any]) -> TestClient:
    router = APIRouter(route_class=RepeatableRoute)

    @router.post("/api/{failures}")
    async def fail(failures: int, body: dict[str, Any], *, kind: str = "conflict") -> int:
        calls.append(body)
        if len(calls) <= failures:
            raise (DatabaseConflictError if kind == "conflict" else DatabaseBusyError)("Try again.")
        return len(calls)

    app = FastAPI()
    app.state.resources = resources
    errors.install(app)
    app.include_router(router)
    return TestClient(app)


class TestTries:
    def test_each_has_the_whole_request(self, unlucky: TestClient, calls: list[Any]) -> None:
        answer = unlucky.post(f"/api/{TRIES - 1}", json={"a": 1})
        assert (answer.status_code, answer.json()) == (200, TRIES)
        assert calls == [{"a": 1}] * TRIES

    def test_come_to_an_end(self, unlucky: TestClient, calls: list[Any]) -> None:
        answer = unlucky.post("/api/99", json={})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert len(calls) == TRIES

    def test_are_not_for_what_took_too_long(self, unlucky: TestClient, calls: list[Any]) -> None:
        assert unlucky.post("/api/1?kind=busy", json={}).status_code == 503
        assert len(calls) == 1
