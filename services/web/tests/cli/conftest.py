"""The `h` command in this process, on a database that it may commit to and that is emptied after each test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hcommon.db import schema
from hcommon.db.base import Base
from hcommon.db.engine import Database
from hcommon.testing.database import cloned
from hstandalone.valkey import EmbeddedValkey
from hweb.cli.main import app
from redis import Redis
from sqlalchemy import text
from typer.testing import CliRunner

SECRET_KEY = "a secret of the tests, long enough to be accepted"


@pytest.fixture(scope="session")
def command_database(template_url: str, postgres_server_url: str) -> Iterator[Database]:
    """The command's database, for all tests."""
    with cloned(postgres_server_url, "h_cli") as url:
        opened = Database(url, pool_size=2)
        yield opened
        opened.close()


@pytest.fixture
def database(command_database: Database) -> Iterator[Database]:
    """The command's database, emptied afterwards."""
    yield command_database
    tables = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    with command_database.transaction() as session:
        session.execute(text(f"TRUNCATE {tables} CASCADE"))
        session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": schema.REVISION})


@pytest.fixture
def environment(database: Database, valkey: EmbeddedValkey) -> Iterator[dict[str, str]]:
    """Variables for the command."""
    yield {
        "DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "REDIS_URL": valkey.url(4),
        "SECRET_KEY": SECRET_KEY,
        "APP_URL": "http://example.org",
    }
    with Redis.from_url(valkey.url(4)) as redis:
        redis.flushdb()


@pytest.fixture
def h(environment: dict[str, str]) -> Callable[..., Any]:
    """Run the command: `h("user", "add", "alice", input="…", ADMIN_USERNAME="root")`."""

    def run(*arguments: str, stdin: str | None = None, **variables: str) -> Any:
        return CliRunner().invoke(app, list(arguments), input=stdin, env=environment | variables)

    return run
