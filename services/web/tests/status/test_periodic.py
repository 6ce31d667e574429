"""What operators are told of periodic tasks and of events that were given up on."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hcommon.models import DeadLetter, PeriodicRun
from hcommon.testing.clock import START
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


def ran(session: Session, name: str, **columns: Any) -> None:
    values = {"interval_seconds": 600, "started_at": START, "succeeded_at": START, "milliseconds": 7}
    session.add(PeriodicRun(name=name, **(values | columns)))
    session.flush()


def told(client: TestClient, name: str) -> tuple[bool, str]:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    check = answer.json()["advisory"][name]
    return check["ok"], check["detail"]


class TestPeriodicTasks:
    def test_none_has_run(self, client: TestClient) -> None:
        assert told(client, "periodic tasks") == (True, "none has run yet")

    def test_when_each_last_ran(self, client: TestClient, session: Session) -> None:
        ran(session, "purge_outbox")
        ran(session, "purge_tokens", succeeded_at=START - timedelta(minutes=5))
        assert told(client, "periodic tasks") == (
            True,
            "purge_outbox ran 0 s ago (7 ms); purge_tokens ran 5 min ago (7 ms)",
        )

    def test_one_that_runs_for_the_first_time_is_well(self, client: TestClient, session: Session) -> None:
        ran(session, "a", succeeded_at=None, milliseconds=None)
        assert told(client, "periodic tasks") == (True, "a ran 0 s ago")

    def test_a_failure_is_told_first(self, client: TestClient, session: Session) -> None:
        ran(session, "a")
        ran(session, "b", succeeded_at=START - timedelta(hours=1), failed_at=START, error="The index is away.")
        assert told(client, "periodic tasks") == (False, "b failed 0 s ago: The index is away.; a ran 0 s ago (7 ms)")

    def test_a_good_run_after_a_failure_is_well(self, client: TestClient, session: Session) -> None:
        ran(session, "a", failed_at=START - timedelta(minutes=1), error="x")
        assert told(client, "periodic tasks")[0]

    @pytest.mark.parametrize("columns", [{"succeeded_at": START - timedelta(minutes=31)}, {"interval_seconds": -1}])
    def test_one_that_is_overdue_is_told(self, client: TestClient, session: Session, columns: dict[str, Any]) -> None:
        ran(session, "a", **columns)
        well, detail = told(client, "periodic tasks")
        assert (well, "too long" in detail) == (False, True)


class TestDeadLetters:
    def test_none(self, client: TestClient) -> None:
        assert told(client, "dead letters") == (True, "none")

    def test_how_many(self, client: TestClient, session: Session) -> None:
        letter = {"event_id": uuid4(), "type": "x", "payload": "{}", "consumer": "worker", "attempts": 1, "error": ""}
        session.add(DeadLetter(occurred_at=START, buried_at=START, **letter))
        session.flush()
        assert told(client, "dead letters") == (False, "1 events were given up on: h queues list")
