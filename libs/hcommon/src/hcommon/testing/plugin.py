"""The pytest fixtures."""

from collections.abc import Iterator
from itertools import count

import pytest
import structlog
from sqlalchemy.orm import Session

from hcommon.db.engine import Database
from hcommon.testing import database as databases
from hcommon.testing import examples
from hcommon.testing.clock import FrozenClock

_numbers = count(1)
examples.register()


@pytest.fixture(autouse=True)
def default_logging() -> Iterator[None]:
    """Undo what a test's program said about its log: the next test's lines would be left out by its level."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def template_url(postgres_server_url: str) -> str:
    """URL of a migrated database that nobody writes to."""
    return databases.create_template(postgres_server_url)


@pytest.fixture(scope="session")
def shared_database(template_url: str, postgres_server_url: str) -> Iterator[Database]:
    """A migrated database whose tests all roll back."""
    with databases.cloned(postgres_server_url, "h_shared") as url:
        database = Database(url, pool_size=4)
        yield database
        database.close()


@pytest.fixture
def rolled_back(shared_database: Database) -> Iterator[databases.RolledBackDatabase]:
    """A `Database` for services and routes; all that a test wrote is undone."""
    with shared_database.engine.connect() as connection, connection.begin() as outer:
        yield databases.RolledBackDatabase(shared_database.engine.url.render_as_string(hide_password=False), connection)
        outer.rollback()


@pytest.fixture
def session(rolled_back: databases.RolledBackDatabase) -> Iterator[Session]:
    """A session on the same connection as `rolled_back`."""
    with rolled_back.transaction() as session:
        yield session


@pytest.fixture
def fresh_database_url(template_url: str, postgres_server_url: str) -> Iterator[str]:
    """URL of a migrated database of this test's own, for threads and processes that commit."""
    with databases.cloned(postgres_server_url, f"h_test_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def fresh_database(fresh_database_url: str) -> Iterator[Database]:
    """A `Database` on `fresh_database_url`."""
    database = Database(fresh_database_url, pool_size=4)
    yield database
    database.close()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still."""
    return FrozenClock()
