"""Whom a handshake speaks for. Blocking reads run in threads, no more of them than database connections."""

import asyncio
from concurrent.futures import Executor
from typing import Final

from hcommon.auth import ANONYMOUS, Principal, principal_of_token
from hcommon.clock import Clock
from hcommon.db.engine import Database, DatabaseUnavailableError

_TIMEOUT_SECONDS: Final = 10


class Authenticator:
    """Looks tokens up, once a socket."""

    def __init__(self, *, database: Database, executor: Executor, clock: Clock) -> None:
        self._database = database
        self._executor = executor
        self._clock = clock

    async def authenticate(self, token: str | None) -> Principal:
        """Return the owner of a token; without one, or with one that is worth nothing, anybody.

        A socket lives on when its token expires, as the client opens no other one when it refreshes its token; it
        ends when the grant is revoked.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or too busy.
        """
        if not token or not token.isascii():
            return ANONYMOUS
        looked_up = asyncio.get_running_loop().run_in_executor(self._executor, self._look_up, token)
        try:
            return await asyncio.wait_for(looked_up, _TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise DatabaseUnavailableError("The database is too busy.") from error

    def _look_up(self, token: str) -> Principal:
        with self._database.read() as connection:
            return principal_of_token(connection, token, now=self._clock.now())
