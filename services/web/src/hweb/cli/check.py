"""`h check`: is everything there that h needs?"""

import socket
from urllib.parse import urlsplit

import typer
from hcommon.clock import SystemClock
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.health import Check, UnhealthyError, innermost, run_checks
from hcommon.search.choice import search_index

from hweb.cli.application import load_settings
from hweb.settings import Settings

TIMEOUT_SECONDS = 5
_MIN_SIGNING_BYTES = 32


def check() -> None:
    """Check the configuration and every dependency; exit with 1 if something fails."""
    settings = load_settings()
    checks: dict[str, Check] = {"database": lambda: _database(settings), "redis": lambda: _redis(settings)}
    if settings.elasticsearch_url:
        checks["search"] = lambda: _search(settings)
    if settings.mail_host:
        checks["mail"] = lambda: _reachable(settings.mail_host or "", settings.mail_port)
    if settings.oidc_issuer:
        checks["provider"] = lambda: _provider(settings)
    results = run_checks(checks, describe=innermost)
    typer.echo("configuration  ok       nothing is missing")
    for name, result in results.items():
        typer.echo(f"{name:<14} {'ok' if result.ok else 'FAILS':<8} {result.detail} ({result.milliseconds:.0f} ms)")
    for note in notes(settings):
        typer.echo(f"note: {note}")
    if not all(result.ok for result in results.values()):
        raise typer.Exit(1)


def notes(settings: Settings) -> list[str]:
    """Return what works but may not be meant."""
    found = []
    site = urlsplit(settings.app_url)
    if site.scheme == "http" and site.hostname not in ("localhost", "127.0.0.1", "::1"):
        found.append("APP_URL starts with http://: passwords and tokens travel in the clear.")
    if not settings.mail_host and not settings.mail_dir:
        found.append(
            "MAIL_HOST is not set: no mail is sent, so that nobody can activate an account. "
            "Activate accounts with: h user activate NAME"
        )
    if settings.client_secret and len(settings.client_secret.get_secret_value().encode()) < _MIN_SIGNING_BYTES:
        found.append(f"CLIENT_SECRET is shorter than {_MIN_SIGNING_BYTES} bytes, too short to sign with safely.")
    return found


def _database(settings: Settings) -> str:
    database = Database(settings.database_url.get_secret_value(), pool_size=1, application_name="h-check")
    try:
        with database.read() as connection:
            schema.check(connection)
            version = connection.exec_driver_sql("SHOW server_version").scalar()
        return f"PostgreSQL {version}, schema {schema.REVISION}"
    finally:
        database.close()


def _redis(settings: Settings) -> str:
    from redis import Redis  # noqa: PLC0415 - most commands do without, and loading it takes long

    with Redis.from_url(
        settings.redis_url.get_secret_value(), socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    ) as redis:
        redis.ping()
    return "answers"


def _search(settings: Settings) -> str:
    indices = search_index(settings)
    version = indices.mapping_version() if indices else None
    if indices is None or version is None:
        raise UnhealthyError("the search index is missing; create it with: h init")
    state = "as this release needs it" if indices.is_current() else "of another release; build one of this with: h init"
    return f"Elasticsearch, mapping {version}, {state}"


def _provider(settings: Settings) -> str:
    from hweb.oidc.provider import Provider  # noqa: PLC0415 - most sites have none
    from hweb.oidc.transport import ProviderUnavailableError  # noqa: PLC0415 - likewise

    try:
        redirect_uri = Provider(settings).check(now=SystemClock().now())
    except ProviderUnavailableError as error:
        raise UnhealthyError(error.problem) from error
    return f"answers; it has to allow the redirect URI {redirect_uri}"


def _reachable(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS):
        return f"{host}:{port} can be reached"
