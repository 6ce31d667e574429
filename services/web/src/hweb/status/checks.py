"""What `/readyz` looks at."""

from datetime import datetime

from hcommon.auth import ANONYMOUS
from hcommon.db import schema
from hcommon.health import Check
from hcommon.models import OutboxEvent
from hcommon.search.query import SearchQuery
from sqlalchemy import func, select

from hweb.embed.client import installed
from hweb.resources import Resources

_NOWHERE = SearchQuery(tags=("h readiness check",), limit=1)


def required(held: Resources) -> dict[str, Check]:
    """Return the checks of what requests cannot do without."""
    return {"database": lambda: _database(held), "redis": lambda: _redis(held)}


def advisory(held: Resources, *, now: datetime) -> dict[str, Check]:
    """Return the checks of what only a part of the requests needs, or nobody waits for.

    Taking this process out of service would not help against any of them.
    """
    return {
        "search": lambda: _search(held),
        "outbox": lambda: _outbox(held, now),
        "client": lambda: installed(held.settings).version,
    }


def _database(held: Resources) -> str:
    with held.database.read() as connection:
        schema.check(connection)
    held.opening.check()
    return f"schema {schema.REVISION}"


def _redis(held: Resources) -> str:
    held.redis.ping()
    return "answers"


def _search(held: Resources) -> str:
    held.search.search(_NOWHERE, principal=ANONYMOUS)
    return "answers"


def _outbox(held: Resources, now: datetime) -> str:
    """Return how long the oldest event that is due has waited for the relay."""
    oldest = select(func.min(OutboxEvent.due_at)).where(OutboxEvent.published_at.is_(None), OutboxEvent.due_at <= now)
    with held.database.read() as connection:
        due_at: datetime | None = connection.execute(oldest).scalar()
    return "nothing waits" if due_at is None else f"oldest waits for {(now - due_at).total_seconds():.0f} s"
