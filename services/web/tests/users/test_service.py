"""What two applications do to users at the same moment."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hcommon.db.engine import Database
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user
from hweb.users import service
from hweb.users.schemas import NewUser
from hweb.users.service import UserConflictError
from sqlalchemy import text

DEADLINE_SECONDS = 20
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def until_somebody_waits(database: Database) -> None:
    ends = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < ends:
        with database.read() as connection:
            if connection.execute(WAITING).scalar():
                return
    raise AssertionError("nobody waits")


class TestAtTheSameMoment:
    def test_only_one_user_gets_an_address(self, fresh_database: Database) -> None:
        with fresh_database.transaction() as session:
            for name in ("alice", "bob"):
                make_user(session, username=name, authority="lms.test")

        def change(username: str) -> None:
            with fresh_database.transaction() as session:
                service.change(session, username=username, authority="lms.test", changes={"email": "same@school.test"})

        with ThreadPoolExecutor() as pool:
            with fresh_database.transaction() as first:
                service.change(first, username="alice", authority="lms.test", changes={"email": "same@school.test"})
                second = pool.submit(change, "bob")
                until_somebody_waits(fresh_database)
            with pytest.raises(UserConflictError, match=r"same@school\.test already exists"):
                second.result(DEADLINE_SECONDS)

    def test_only_one_user_gets_a_name(self, fresh_database: Database) -> None:
        new = NewUser("alice", "al@school.test", None, ())

        def create() -> None:
            with fresh_database.transaction() as session:
                service.create(session, new=new, authority="lms.test", now=START)

        with ThreadPoolExecutor() as pool:
            with fresh_database.transaction() as first:
                service.create(first, new=new, authority="lms.test", now=START)
                second = pool.submit(create)
                until_somebody_waits(fresh_database)
            with pytest.raises(UserConflictError, match="username alice already exists"):
                second.result(DEADLINE_SECONDS)
