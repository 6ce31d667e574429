"""Engine, transactions and reads.

Synchronous everywhere (psycopg2). A request or a task is one transaction, opened at its edge by `transaction()`;
reads that need no transaction use `read()`: autocommit, no BEGIN, no round trip on return.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg2.extensions
import psycopg2.extras
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from hcommon.db import prepared
from hcommon.db.answers import AnswerWatch, WatchedConnection
from hcommon.errors import UnavailableError

POOL_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MS = 30_000

RANDOM_PAGE_COST = 1.1
"""What PostgreSQL takes a page out of order to cost; its own figure, of disks that turn, has it read whole tables."""

ANSWER_SECONDS = STATEMENT_TIMEOUT_MS / 1000 + 5
"""For a service whose callers wait: how long PostgreSQL may be silent. By then its own timeout would have come."""

# A machine that is gone, or a network that is cut, refuses nothing: the kernel alone finds out. By its own settings it
# takes a quarter of an hour to give up what it sent, and two hours to look at a connection on which nothing happens.
_OWN_TIMERS = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}
# The same at PostgreSQL's end, where the transaction of a client that is gone holds its locks for as long.
_SERVER_TIMERS = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}

_SESSION = {
    "timezone": "UTC",
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "random_page_cost": RANDOM_PAGE_COST,
    # Of prepared statements, and of those in triggers: PostgreSQL otherwise plans one whose parameters are arrays at
    # every use, since a plan for any array looks dearer to it than one for the array at hand.
    "plan_cache_mode": "force_generic_plan",
    **_SERVER_TIMERS,
}

_RAW_JSON = psycopg2.extensions.new_type((114, 3802), "RAW_JSON", lambda value, _: value)

_AWAY = "The database is not available."
# Source: PostgreSQL manual, appendix A: connection exception, insufficient resources, operator intervention.
_AWAY_CLASSES = ("08", "53", "57P")
# Serialisation failure, deadlock.
_CONFLICT_CODES = frozenset({"40001", "40P01"})
# Lock not available, statement timeout.
_BUSY_CODES = frozenset({"55P03", "57014"})


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot be reached, or has no connection to spare."""


class DatabaseBusyError(UnavailableError):
    """PostgreSQL gave up on one statement: a deadlock, a lock or the statement timeout; others may go on."""


class DatabaseConflictError(DatabaseBusyError):
    """PostgreSQL ended this transaction so that another could go on: a deadlock. It can simply be run again."""


class Database:
    """A pool of connections to PostgreSQL, shared by the threads of one process."""

    def __init__(
        self, url: str, *, pool_size: int, application_name: str = "h", answer_seconds: float | None = None
    ) -> None:
        """Prepare the pool; nothing connects before it is used.

        Args:
            url: SQLAlchemy URL; `postgresql://` and `postgres://` mean psycopg2.
            pool_size: Connections kept and the most that are opened.
            application_name: Shown in `pg_stat_activity`.
            answer_seconds: How long a statement may wait for the server before the connection counts as lost; None
                waits without end, as long work and commands must.
        """
        self.engine = _create_engine(url, pool_size=pool_size, application_name=application_name)
        if answer_seconds is not None:
            _limit_answers(self.engine, seconds=answer_seconds)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session whose transaction commits at the end of the block, and rolls back on an error.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        with _translate_errors(), _Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection in autocommit mode, for reads; each statement sees what is committed by then.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        with _translate_errors(), self.engine.connect() as connection, _autocommit(connection):
            yield connection

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


class _Session(Session):
    """A session that leaves frequent statements to its connection, which takes half as long."""

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement; one that is prepared returns rows of columns, never objects."""
        if options or not prepared.is_prepared(statement):
            return super().execute(statement, params, **options)
        self.flush()
        return self.connection().execute(statement, params)


def _create_engine(url: str, *, pool_size: int, application_name: str) -> Engine:
    parsed = make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")
    engine = create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        connect_args={
            "application_name": application_name,
            "connect_timeout": POOL_TIMEOUT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
            **_OWN_TIMERS,
        },
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: psycopg2.extensions.connection, _: ConnectionPoolEntry) -> None:
        psycopg2.extensions.register_type(_RAW_JSON, connection)

    prepared.install(engine)
    return engine


def _limit_answers(engine: Engine, *, seconds: float) -> None:
    watch = AnswerWatch(seconds=seconds)

    @event.listens_for(engine, "do_connect")
    def _watched(_: object, __: object, ___: object, parameters: dict[str, object]) -> None:
        parameters["connection_factory"] = WatchedConnection

    @event.listens_for(engine, "connect")
    def _look_after(connection: WatchedConnection, _: ConnectionPoolEntry) -> None:
        watch.add(connection)


@contextmanager
def _autocommit(connection: Connection) -> Iterator[None]:
    """Switch the connection to autocommit for the block, without a word to the server.

    SQLAlchemy's own isolation level "AUTOCOMMIT" sends a statement on every return, and where that fails, because the
    server has died meanwhile, the pool loses the connection's place for good.
    """
    driver = cast("psycopg2.extensions.connection", connection.connection.dbapi_connection)
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:
            driver.autocommit = False


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError(_AWAY) from error
    except DBAPIError as error:
        # PostgreSQL itself gives no code when the connection was lost or never made.
        code = getattr(error.orig, "pgcode", None) or ""
        if error.connection_invalidated or code.startswith(_AWAY_CLASSES):
            raise DatabaseUnavailableError(_AWAY) from error
        if isinstance(error, OperationalError) and not code:
            raise DatabaseUnavailableError(_AWAY) from error
        if code in _CONFLICT_CODES:
            raise DatabaseConflictError("Others are changing the same things; try again.") from error
        if code in _BUSY_CODES:
            raise DatabaseBusyError("The database is too busy for this; try again.") from error
        raise
