"""The environment of the services: the deployment contract's names with this machine's addresses."""

from collections.abc import Mapping
from pathlib import Path

from hstandalone.postgres import EmbeddedPostgres
from hstandalone.settings import Settings
from hstandalone.valkey import EmbeddedValkey

DATABASE = "h"
SESSIONS_DB, BUS_DB, TASKS_DB = 0, 1, 2
"""Databases of Valkey: what cannot share one, because kombu's bookkeeping is per database."""

OWN_SERVERS = ("DATABASE_URL", "BROKER_URL", "CELERY_BROKER_URL", "REDIS_URL")
"""What the embedded mode brings itself, whatever the user's environment says."""


def service_variables(
    *,
    settings: Settings,
    secrets: Mapping[str, str],
    postgres: EmbeddedPostgres,
    valkey: EmbeddedValkey,
    client_dir: Path,
    inherited: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables that we set for the services and for the `h` command."""
    variables = {
        "DATABASE_URL": postgres.database_url(DATABASE),
        "REDIS_URL": valkey.url(SESSIONS_DB),
        "BROKER_URL": valkey.broker_url(BUS_DB),
        "CELERY_BROKER_URL": valkey.broker_url(TASKS_DB),
        "APP_URL": settings.site_url,
        "PORT": str(settings.port),
        "WEBSOCKET_PORT": str(settings.socket_port),
        "H_CLIENT_DIR": str(client_dir),
        "INSTANCE": "embedded",
    }
    if not settings.has_own_url and not inherited.get("WEBSOCKET_URL"):
        variables["WEBSOCKET_URL"] = f"ws://localhost:{settings.socket_port}/ws"
    if settings.mail_host is None:
        variables["MAIL_DIR"] = str(settings.data_dir / "mail")
    variables |= {
        name: value for name, value in secrets.items() if not inherited.get(name) and not inherited.get(f"{name}_FILE")
    }
    return variables


def service_environment(variables: Mapping[str, str], *, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return a service's whole environment: the user's, with ours over it.

    libpq's own variables are left out, because they would reach our PostgreSQL through every connection.
    """
    environment = {
        "LISTEN_HOST": "127.0.0.1",  # nobody else's machine reaches a trial unless its owner says so
        "WEBSOCKET_HOST": "127.0.0.1",
        "RATE_LIMITS": "false",  # a trial is also loaded and measured; an installation for others is made of images
        "MALLOC_ARENA_MAX": "2",  # glibc keeps an arena a thread, which costs memory that nobody uses
    }
    environment |= {name: value for name, value in inherited.items() if not name.startswith("PG")}
    environment["PYTHONUNBUFFERED"] = "1"
    return environment | dict(variables)


def overruled(inherited: Mapping[str, str]) -> list[str]:
    """Return the names of variables that the user set and that the embedded mode does not follow."""
    return [name for name in OWN_SERVERS if inherited.get(name)]
