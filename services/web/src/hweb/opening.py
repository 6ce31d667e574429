"""Whether the process serves already: the port opens at once, requests wait for the database and its schema."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.errors import UnavailableError

AT_ONCE_SECONDS = 1.0
"""How long the port stays closed for a database that is there: nobody is refused then."""


class NotOpenYetError(UnavailableError):
    """The database, or its schema, has not been there yet since the process started."""

    def __init__(self) -> None:
        super().__init__("The service is starting and its database is not ready yet. Try again in a moment.")


class _StoppedError(Exception):
    """The process ends before the database was there."""


class Opening:
    """Closed from `awaiting` until the schema is one that this release can use; open for ever afterwards.

    Attributes:
        is_open: Whether requests are let in.
    """

    def __init__(self) -> None:
        self.is_open = True
        self._stop = threading.Event()

    def check(self) -> None:
        """Pass when open.

        Raises:
            NotOpenYetError: It is closed.
        """
        if not self.is_open:
            raise NotOpenYetError

    @asynccontextmanager
    async def awaiting(self, database: Database) -> AsyncIterator[None]:
        """Close, and open as soon as the database is ready, which may be long after the block has begun."""
        self.is_open = False
        waiting = asyncio.create_task(asyncio.to_thread(self._wait, database))
        await asyncio.wait({waiting}, timeout=AT_ONCE_SECONDS)
        try:
            yield
        finally:
            self._stop.set()
            await waiting

    def _wait(self, database: Database) -> None:
        with suppress(_StoppedError):
            schema.wait_until_ready(database, sleep=self._pause)
            self.is_open = True

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _StoppedError
