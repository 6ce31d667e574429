"""The schema's version: what this release needs, and what the database has."""

import time
from collections.abc import Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from hcommon.db.engine import Database, DatabaseUnavailableError
from hcommon.errors import UnavailableError
from hcommon.logging import get_logger

REVISION = "0012"
"""The newest migration; a test keeps it equal to Alembic's head."""

_log = get_logger(__name__)


class SchemaVersionError(UnavailableError):
    """The database has another schema than this release needs."""


def current_revision(connection: Connection) -> str | None:
    """Return the migration that the database is at, or None for an empty one."""
    try:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except ProgrammingError:
        return None


def check(connection: Connection) -> None:
    """Pass if the schema is at least the one this release needs.

    Migrations expand before they contract, so a newer schema serves too; revisions are numbered.

    Raises:
        SchemaVersionError: It is older, or there is none.
    """
    found = current_revision(connection)
    if found is None or found < REVISION:
        raise SchemaVersionError(f"The schema is at {found or 'nothing'}, this release needs {REVISION}: run `h init`.")


def wait_until_ready(database: Database, *, sleep: Callable[[float], object] = time.sleep) -> None:
    """Block until PostgreSQL answers with a schema that this release can use, saying what is awaited."""
    said = None
    while True:
        try:
            with database.read() as connection:
                check(connection)
        except (DatabaseUnavailableError, SchemaVersionError) as error:
            if error.reason != said:
                _log.warning("waiting_for_database", reason=error.reason)
                said = error.reason
            sleep(0.2)
        else:
            return
