"""Whom handshakes speak for. Blocking reads run in threads, no more of them than database connections."""

import asyncio
from collections.abc import Collection
from concurrent.futures import Executor
from itertools import islice
from typing import Final

from hcommon.auth import ANONYMOUS, Principal, principals_of_tokens
from hcommon.clock import Clock
from hcommon.db.engine import Database, DatabaseUnavailableError

_TIMEOUT_SECONDS: Final = 10
_MOST_AT_ONCE: Final = 500


class Authenticator:
    """Looks tokens up, once a socket.

    What arrives while one look-up runs is looked up together by the next: after a restart everybody comes at once,
    and alone nobody waits.
    """

    def __init__(self, *, database: Database, executor: Executor, clock: Clock) -> None:
        self._database = database
        self._executor = executor
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Principal]] = {}
        self._working: asyncio.Task[None] | None = None

    async def authenticate(self, token: str | None) -> Principal:
        """Return the owner of a token; without one, or with one that is worth nothing, anybody.

        A socket lives on when its token expires, as the client opens no other one when it refreshes its token; it
        ends when the grant is revoked.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or too busy.
        """
        if not token or not token.isascii():
            return ANONYMOUS
        loop = asyncio.get_running_loop()
        answer = self._waiting.get(token)
        if answer is None:
            answer = self._waiting[token] = loop.create_future()
        if self._working is None:
            self._working = loop.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            tokens = list(islice(self._waiting, _MOST_AT_ONCE))
            answers = {token: self._waiting.pop(token) for token in tokens}
            try:
                found = await self._look_up_within(tokens)
            except Exception as error:  # noqa: BLE001 - each handshake raises it
                for answer in answers.values():
                    answer.set_exception(error)
            else:
                for token, answer in answers.items():
                    answer.set_result(found[token])
        self._working = None

    async def _look_up_within(self, tokens: Collection[str]) -> dict[str, Principal]:
        looked_up = asyncio.get_running_loop().run_in_executor(self._executor, self._look_up, tokens)
        try:
            return await asyncio.wait_for(looked_up, _TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise DatabaseUnavailableError("The database is too busy.") from error

    def _look_up(self, tokens: Collection[str]) -> dict[str, Principal]:
        with self._database.read() as connection:
            return principals_of_tokens(connection, tokens, now=self._clock.now())
