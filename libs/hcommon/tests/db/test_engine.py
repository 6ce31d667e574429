"""Transactions, reads, and PostgreSQL being away."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from hcommon.db.engine import Database, DatabaseBusyError, DatabaseUnavailableError
from hcommon.models import User
from hcommon.testing.factories import make_user
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session


class WentWrongError(Exception):
    """Something that goes wrong inside a transaction."""


def count_users(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(User)).scalar_one()


class TestTransaction:
    def test_commits_at_the_end(self, fresh_database: Database) -> None:
        with fresh_database.transaction() as session:
            make_user(session)
            assert count_users(fresh_database) == 0
        assert count_users(fresh_database) == 1

    def test_rolls_back_on_an_error(self, fresh_database: Database) -> None:
        def fail() -> None:
            with fresh_database.transaction() as session:
                make_user(session)
                raise WentWrongError

        with pytest.raises(WentWrongError):
            fail()
        assert count_users(fresh_database) == 0

    def test_a_violated_constraint_stays_what_it_is(self, fresh_database: Database) -> None:
        with fresh_database.transaction() as session:
            make_user(session, username="one")
        with pytest.raises(IntegrityError), fresh_database.transaction() as session:
            make_user(session, username="O.N.E")


class TestRead:
    def test_is_in_utc_and_leaves_no_transaction_open(self, fresh_database: Database) -> None:
        with fresh_database.read() as connection:
            assert connection.execute(text("SHOW timezone")).scalar() == "UTC"
            first = connection.execute(text("SELECT now()")).scalar_one()
            second = connection.execute(text("SELECT now()")).scalar_one()
        assert second > first

    def test_json_comes_as_text(self, fresh_database: Database) -> None:
        with fresh_database.read() as connection:
            assert connection.execute(text("""SELECT '{"b": 1, "a": "\\u0000"}'::json""")).scalar() == (
                '{"b": 1, "a": "\\u0000"}'
            )

    def test_costs_no_statement_but_its_own(self, fresh_database: Database) -> None:
        # Whoever looks at a connection sees the last statement that arrived on it.
        with fresh_database.read() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with fresh_database.read(), fresh_database.read() as other:
            last = text("SELECT query FROM pg_stat_activity WHERE pid = :pid")
            assert other.execute(last, {"pid": pid}).scalar_one() == "SELECT pg_backend_pid()"


class TestUnavailable:
    def test_nobody_listens(self) -> None:
        away = Database(f"postgresql://nobody@/nothing?host=/nowhere/{uuid4().hex}", pool_size=1)
        with pytest.raises(DatabaseUnavailableError), away.read():
            pass

    def test_a_connection_that_the_server_ended(self, fresh_database: Database) -> None:
        with pytest.raises(DatabaseUnavailableError), fresh_database.read() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert count_users(fresh_database) == 0

    def test_a_connection_that_is_lost_unnoticed_leaves_its_place_to_another(self, fresh_database: Database) -> None:
        for _ in range(fresh_database.engine.pool.size() + 1):  # type: ignore[attr-defined]  # it is a QueuePool
            with fresh_database.transaction() as other, fresh_database.read() as connection:
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            with pytest.raises(DatabaseUnavailableError):
                count_users(fresh_database)
        assert count_users(fresh_database) == 0

    def test_every_connection_is_taken(self, fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        database = Database(fresh_database_url, pool_size=1)
        monkeypatch.setattr(database.engine.pool, "_timeout", 0.05)
        with database.read(), pytest.raises(DatabaseUnavailableError), database.read():
            pass
        database.close()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a server's process, as a machine does that is suspended."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def backend(connection: Connection | Session) -> int:
    """Return the id of the server's process that serves a connection."""
    return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


class TestSilence:
    @pytest.fixture
    def impatient(self, fresh_database_url: str) -> Iterator[Database]:
        database = Database(fresh_database_url, pool_size=2, answer_seconds=0.2)
        yield database
        database.close()

    def test_of_a_stopped_server_is_endured_for_a_while_alone(self, impatient: Database) -> None:
        with pytest.raises(DatabaseUnavailableError), impatient.read() as connection, stopped(backend(connection)):
            connection.execute(text("SELECT 1"))
        assert count_users(impatient) == 0

    def test_is_not_endured_longer_for_a_commit(self, impatient: Database) -> None:
        def write(stack: ExitStack) -> None:
            with impatient.transaction() as session:
                make_user(session)
                session.flush()
                stack.enter_context(stopped(backend(session)))

        with ExitStack() as stack, pytest.raises(DatabaseUnavailableError):
            write(stack)

    def test_between_statements_means_nothing(self, impatient: Database) -> None:
        with impatient.transaction() as session:
            pid = backend(session)
            with impatient.read() as connection:
                for _ in range(6):  # longer than the limit, in steps that are shorter
                    connection.execute(text("SELECT pg_sleep(0.1)"))
            assert backend(session) == pid

    def test_is_endured_where_nobody_set_a_limit(self, fresh_database: Database, impatient: Database) -> None:
        with pytest.raises(DatabaseUnavailableError), impatient.read() as connection:
            connection.execute(text("SELECT pg_sleep(3)"))
        with fresh_database.read() as connection:
            connection.execute(text("SELECT pg_sleep(0.5)"))


class TestBusy:
    def test_a_statement_that_takes_too_long_is_worth_another_try(self, fresh_database: Database) -> None:
        with pytest.raises(DatabaseBusyError), fresh_database.read() as connection:
            connection.execute(text("SET statement_timeout = 20; SELECT pg_sleep(5)"))

    def test_a_value_beyond_a_limit_of_postgresql_is_not(self, fresh_database: Database) -> None:
        with pytest.raises(OperationalError), fresh_database.read() as connection:
            connection.execute(text("SELECT array_to_tsvector(ARRAY[repeat('x', 3000)])"))


class TestCutConnection:
    def test_is_given_up_by_both_ends_within_a_minute(self, fresh_database: Database) -> None:
        with fresh_database.read() as connection:
            driver: Any = connection.connection.dbapi_connection
            own = driver.get_dsn_parameters()
            options = own["options"]
        assert int(own["tcp_user_timeout"]) <= 20_000
        assert int(own["keepalives_idle"]) + int(own["keepalives_interval"]) * int(own["keepalives_count"]) <= 30
        server = dict(re.findall(r"-c (tcp_\w+)=(\d+)", options))
        assert int(server["tcp_user_timeout"]) <= 60_000
        assert (
            int(server["tcp_keepalives_idle"])
            + int(server["tcp_keepalives_interval"]) * int(server["tcp_keepalives_count"])
            <= 60
        )
