"""`h queues`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hcommon.clock import SystemClock
from hcommon.db.engine import Database
from hcommon.models import DeadLetter, OutboxEvent
from sqlalchemy import func, insert, select


@pytest.fixture
def letters(database: Database) -> list[int]:
    """Two dead letters of the worker."""
    now = SystemClock().now()
    rows = [
        {
            "event_id": uuid4(),
            "type": "user.registered",
            "payload": f'{{"user_id": {number}}}',
            "occurred_at": now,
            "consumer": "worker",
            "attempts": 3,
            "error": "ValueError: broken",
            "buried_at": now,
        }
        for number in range(2)
    ]
    with database.transaction() as session:
        return list(session.scalars(insert(DeadLetter).returning(DeadLetter.id), rows))


def waiting(database: Database) -> int:
    with database.read() as connection:
        statement = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None))
        return connection.execute(statement).scalar_one()


class TestList:
    def test_says_that_all_is_well(self, h: Callable[..., Any]) -> None:
        assert h("queues", "list").stdout == "0 events wait to be published; 0 dead letters.\n"

    def test_shows_what_was_given_up_on(self, h: Callable[..., Any], letters: list[int]) -> None:
        said = h("queues", "list").stdout
        assert "2 dead letters" in said
        assert "ValueError: broken" in said


class TestShow:
    def test_shows_the_whole_event(self, h: Callable[..., Any], letters: list[int]) -> None:
        assert '{"user_id": 1}' in h("queues", "show", str(letters[1])).stdout

    def test_says_that_there_is_no_such_letter(self, h: Callable[..., Any]) -> None:
        done = h("queues", "show", "7")
        assert (done.exit_code, done.output) == (1, "Error: There is no dead letter 7.\n")


class TestReplay:
    def test_gives_one_back(self, h: Callable[..., Any], database: Database, letters: list[int]) -> None:
        assert h("queues", "replay", str(letters[0])).stdout == "1 events go back to their consumers.\n"
        assert waiting(database) == 1

    def test_gives_all_back(self, h: Callable[..., Any], database: Database, letters: list[int]) -> None:
        assert h("queues", "replay", "--all").exit_code == 0
        assert waiting(database) == 2

    def test_wants_to_know_which(self, h: Callable[..., Any], letters: list[int]) -> None:
        assert h("queues", "replay").exit_code == 1


class TestDrop:
    def test_forgets(self, h: Callable[..., Any], database: Database, letters: list[int]) -> None:
        assert h("queues", "drop", "--all").stdout == "2 dead letters are forgotten.\n"
        assert waiting(database) == 0


class TestPublishAgain:
    def test_publishes_what_was_published_lately(self, h: Callable[..., Any], database: Database) -> None:
        now = SystemClock().now()
        rows = [
            {
                "event_id": uuid4(),
                "type": "user.registered",
                "payload": '{"user_id": 1}',
                "occurred_at": now,
                "due_at": now,
                "published_at": now - timedelta(hours=age),
            }
            for age in (1, 3)
        ]
        with database.transaction() as session:
            session.execute(insert(OutboxEvent), rows)
        assert h("queues", "publish-again", "--hours", "2").stdout == "1 events are published again.\n"
        assert waiting(database) == 1
