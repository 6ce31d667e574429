"""`h init`: everything an installation needs before its services start. Safe to run at any time, also twice at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from hcommon.clock import SystemClock
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.errors import UnavailableError
from hcommon.search.choice import search_index
from hcommon.settings import EXIT_CONFIG
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hweb.accounts import links, passwords, queries, service
from hweb.accounts.schemas import NewAccount, username_problem
from hweb.accounts.service import UsernameTakenError
from hweb.cli import foundation
from hweb.cli.application import load_settings
from hweb.settings import Settings

_LOCK: Final = 0x68_69_6E_69  # any number of our own
_RETRY_SECONDS: Final = 0.5


def init(
    wait_seconds: Annotated[
        float, typer.Option(help="How long to wait for PostgreSQL, and for Elasticsearch, to answer.")
    ] = 60.0,
) -> None:
    """Create or update the schema, the public group, the site's OAuth client, the search index and the first admin."""
    settings = load_settings()
    _check_admin_settings(settings)
    database = Database(settings.database_url.get_secret_value(), pool_size=4, application_name="h-init")
    try:
        _wait_for("PostgreSQL", lambda: _ping(database), seconds=wait_seconds)
        with _locked(database):
            _migrate(database)
            with database.transaction() as session:
                now = SystemClock().now()
                foundation.ensure_world_group(session, authority=settings.authority, now=now)
                foundation.ensure_site_client(session, settings=settings, now=now)
            _ensure_admin(database, settings)
            _ensure_index(database, settings, seconds=wait_seconds)
    finally:
        database.close()


def _check_admin_settings(settings: Settings) -> None:
    problems = {}
    if settings.admin_username is not None and username_problem(settings.admin_username):
        problems["ADMIN_USERNAME"] = username_problem(settings.admin_username)
    if settings.admin_password is not None and passwords.problem_of(settings.admin_password.get_secret_value()):
        problems["ADMIN_PASSWORD"] = passwords.problem_of(settings.admin_password.get_secret_value())
    for name, problem in problems.items():
        typer.echo(f"{name}: {problem}", err=True)
    if problems:
        raise typer.Exit(EXIT_CONFIG)


def _wait_for(name: str, ask: Callable[[], object], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    said = False
    while True:
        try:
            ask()
        except UnavailableError:
            if time.monotonic() >= deadline:
                raise
            if not said:
                typer.echo(f"Waiting for {name}.")
                said = True
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _ping(database: Database) -> None:
    with database.read() as connection:
        connection.execute(select(1))


@contextmanager
def _locked(database: Database) -> Iterator[None]:
    """Let one process in at a time; the lock belongs to the connection and ends with it at the latest.

    Whoever comes later asks again and again: the other one may be migrating for long, and a statement that waited would
    be one that building an index concurrently waits for.
    """
    with database.read() as connection:
        while not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
            time.sleep(_RETRY_SECONDS)
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(_LOCK)))


def _migrate(database: Database) -> None:
    with database.read() as connection:
        found = schema.current_revision(connection)
    if found is not None and found >= schema.REVISION:
        typer.echo(f"The schema is at {found}.")
        return
    # Loaded only when there is something to do: it takes longer than all the rest.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    # Not in a transaction: each migration has its own, and one that was applied stays when the next one fails.
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.commit()
        config = Config()
        config.set_main_option("script_location", "hcommon:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.exec_driver_sql("RESET statement_timeout")
        connection.commit()
    typer.echo(f"The schema was at {found or 'nothing'} and is at {schema.REVISION} now.")


def _ensure_index(database: Database, settings: Settings, *, seconds: float) -> None:
    """Create the search index and fill it, unless there is one of this release; PostgreSQL's came with the schema."""
    indices = search_index(settings)
    if indices is None:
        return
    _wait_for("Elasticsearch", indices.live, seconds=seconds)
    if indices.live() is None:
        written = indices.rebuild(database)
        typer.echo(f"Created the search index {indices.live()} with {written} annotations.")
    elif not indices.is_current():
        typer.echo(f"The search index has mapping {indices.mapping_version()}: making one for this release.")
        written = indices.renew(database)
        typer.echo(f"Searching {indices.live()} now, after writing {written} documents. The one before is kept.")


def _ensure_admin(database: Database, settings: Settings) -> None:
    with database.read() as connection:
        if queries.has_admin(connection, authority=settings.authority):
            return
    now = SystemClock().now()
    if settings.admin_username is None or settings.admin_password is None:
        url = links.claim_url(app_url=settings.app_url, keys=settings.keys, now=now)
        typer.echo(f"There is no administrator yet. Become it here, within {links.CLAIM_LIFETIME.days} days:\n{url}")
        return
    password = settings.admin_password.get_secret_value()
    new = NewAccount(username=settings.admin_username, email="", password=password)
    password_hash = passwords.hash_password(password)
    with database.transaction() as session:
        _create_admin(session, new=new, password_hash=password_hash, settings=settings)


def _create_admin(session: Session, *, new: NewAccount, password_hash: str, settings: Settings) -> None:
    try:
        service.create_first_admin(
            session, new=new, password_hash=password_hash, authority=settings.authority, now=SystemClock().now()
        )
    except UsernameTakenError:
        # Whoever signed up under this name must not become administrator by it.
        typer.echo(
            f"ADMIN_USERNAME: {new.username} has an account and is no administrator. "
            f"If that is right, run: h user admin {new.username}",
            err=True,
        )
        return
    typer.echo(f"{new.username} administers the site.")
