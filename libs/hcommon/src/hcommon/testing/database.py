"""Databases for tests: migrated once, then cloned or rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.orm import Session

from hcommon.db.engine import Database

TEMPLATE = "h_template"


def create_template(server_url: str) -> str:
    """Create the migrated database that all others are cloned from, and return its URL."""
    _on_server(server_url, f"CREATE DATABASE {TEMPLATE}")
    url = database_url(server_url, TEMPLATE)
    engine = create_engine(url)
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", "hcommon:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    return url


@contextmanager
def cloned(server_url: str, name: str) -> Iterator[str]:
    """Lend a database of its own, for tests that commit; it is dropped afterwards."""
    _on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield database_url(server_url, name)
    finally:
        _on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def database_url(server_url: str, name: str) -> str:
    """Return the URL of a database on the same server."""
    url = make_url(server_url).set(drivername="postgresql+psycopg2", database=name)
    return url.render_as_string(hide_password=False)


def _on_server(server_url: str, statement: str) -> None:
    engine = create_engine(database_url(server_url, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


class RolledBackDatabase(Database):
    """A `Database` whose every transaction is a savepoint of one outer transaction, undone after the test.

    Reads see what the test's transactions wrote; nobody else ever does.
    """

    def __init__(self, url: str, connection: Connection) -> None:
        super().__init__(url, pool_size=1)
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session on a savepoint."""
        session = Session(self._connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        with session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend the test's own connection."""
        yield self._connection
