"""`/livez`, `/readyz` and `/_status`: is the process alive, and can it do its work."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor

from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.health import Check, run_checks

from hwebsocket.answers import JSONHandler
from hwebsocket.feed import Feed
from hwebsocket.registry import Registry


class QueueNotConsumedError(Exception):
    """The broker is away, so that sockets hear of nothing."""


class LiveHandler(JSONHandler):
    """Whether the process answers at all."""

    def get(self) -> None:
        """Answer 200."""
        self.answer(200, {"status": "okay"})


class ReadyHandler(JSONHandler):
    """Whether everything that the service needs is there."""

    def initialize(self, *, checks: Mapping[str, Check], executor: Executor) -> None:
        """Take the checks and the threads that they run in."""
        self._checks = checks
        self._executor = executor

    async def get(self) -> None:
        """Answer 200 with every check, or 503 when one failed."""
        results = await asyncio.get_running_loop().run_in_executor(self._executor, run_checks, self._checks)
        ok = all(result.ok for result in results.values())
        body = {
            "status": "okay" if ok else "unavailable",
            "checks": {name: result.as_dict() for name, result in results.items()},
        }
        self.answer(200 if ok else 503, body)


def make_checks(*, database: Database, feed: Feed, registry: Registry) -> dict[str, Check]:
    """Return what the service needs, and how to find out."""

    def check_database() -> str:
        with database.read() as connection:
            schema.check(connection)
        return "answers"

    def check_broker() -> str:
        if not feed.is_connected:
            raise QueueNotConsumedError
        return "queue consumed"

    def check_connections() -> str:
        return f"{len(registry)} open"

    return {
        "database": check_database,
        "broker": check_broker,
        "events": lambda: feed.news,
        "connections": check_connections,
    }
