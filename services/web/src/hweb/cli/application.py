"""What every command shares: how failures are said, and what it works with."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from hcommon import logging
from hcommon.clock import SystemClock
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.errors import HError
from hcommon.settings import load
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from hweb.settings import Settings

if TYPE_CHECKING:
    from hcommon.sessions import SessionStore
    from rich.table import Table

REDIS_TIMEOUT_SECONDS = 5
PIPE_COLUMNS = 240
"""Width of tables that no terminal shows: a row stays a line."""


class _Group(TyperGroup):
    """Says expected failures in one line and exits with 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except HError as error:
            _fail(error.reason, error)
        except DBAPIError as error:
            _fail(f"PostgreSQL refused: {str(error.orig).splitlines()[0]}", error)


def _fail(reason: str, error: Exception) -> NoReturn:
    typer.echo(f"Error: {reason}", err=True)
    raise typer.Exit(1) from error


def new_app(help_text: str) -> typer.Typer:
    """Return a command with sub-commands."""
    return typer.Typer(
        cls=_Group, no_args_is_help=True, add_completion=False, help=help_text, pretty_exceptions_show_locals=False
    )


@dataclass(frozen=True, slots=True)
class Tools:
    """What a command works with; `now` is when it began."""

    settings: Settings
    database: Database
    now: datetime

    @contextmanager
    def sessions(self) -> Iterator["SessionStore"]:
        """Lend the store of browser sessions."""
        # Loaded for the commands that need it: a tenth of the time that a command takes.
        from hcommon.sessions import SessionStore  # noqa: PLC0415
        from redis import Redis  # noqa: PLC0415

        with Redis.from_url(
            self.settings.redis_url.get_secret_value(),
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        ) as redis:
            yield SessionStore(redis)


def load_settings() -> Settings:
    """Return the settings, and send logs to stderr; missing settings end the process with status 78."""
    settings = load(Settings)
    logging.configure(service="h", level="WARNING", log_format=settings.log_format)
    return settings


@contextmanager
def tools() -> Iterator[Tools]:
    """Lend what a command works with.

    Raises:
        SchemaVersionError: The database has not been initialised.
        DatabaseUnavailableError: PostgreSQL is away.
    """
    settings = load_settings()
    database = Database(settings.database_url.get_secret_value(), pool_size=4, application_name="h-cli")
    try:
        with database.read() as connection:
            schema.check(connection)
        yield Tools(settings, database, SystemClock().now())
    finally:
        database.close()


def show(table: "Table") -> None:
    """Print a table."""
    from rich.console import Console  # noqa: PLC0415 - most commands draw nothing

    Console(markup=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)
