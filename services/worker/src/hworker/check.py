"""Whether a worker could work here: `h-worker check`."""

from collections.abc import Mapping

from hcommon.db import schema
from hcommon.health import Check, CheckResult, run_checks
from kombu import Connection

from hworker.context import Context

_TIMEOUT_SECONDS = 5


def check_dependencies(context: Context) -> Mapping[str, CheckResult]:
    """Ask everything that the worker cannot do without, and say how it went."""
    settings = context.settings
    checks: dict[str, Check] = {
        "database": lambda: _check_database(context),
        "broker": lambda: _check_broker(settings.broker_url.get_secret_value()),
    }
    if settings.celery_broker_url is not None:
        checks["task broker"] = lambda: _check_broker(settings.task_broker_url)
    return run_checks(checks)


def _check_database(context: Context) -> str:
    with context.database.read() as connection:
        schema.check(connection)
        return f"schema {schema.current_revision(connection)}"


def _check_broker(url: str) -> str:
    with Connection(url, connect_timeout=_TIMEOUT_SECONDS) as connection:
        connection.ensure_connection(max_retries=1, timeout=_TIMEOUT_SECONDS)
        return str(connection.transport.driver_type)
