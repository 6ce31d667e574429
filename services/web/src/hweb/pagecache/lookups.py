"""Looks at the state of pages and at who asks, for all requests that wait at the moment at once."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import UUID

from hcommon.auth import ANONYMOUS, Principal, principals_of_tokens
from hcommon.documents.revisions import page_revisions

from hweb.pagecache.store import Revisions
from hweb.resources import Resources


class Found(NamedTuple):
    """What one request wanted to know."""

    revisions: Revisions
    principal: Principal


class _Lookup(NamedTuple):
    pages: tuple[UUID, ...]
    token: str | None
    found: "asyncio.Future[Found]"


class Lookups:
    """One look into the database at a time; whoever comes meanwhile shares the next one.

    A look begins after every request that it answers, so each sees what was committed before it was sent.
    """

    def __init__(self, held: Resources) -> None:
        self._held = held
        self._waiting: list[_Lookup] = []
        self._running: asyncio.Task[None] | None = None
        # One of its own: a slow request elsewhere is none of ours.
        self._thread = ThreadPoolExecutor(1, "lookups")

    async def look_up(self, pages: tuple[UUID, ...], token: str | None) -> Found:
        """Return the revisions of pages, and whom a token speaks for.

        Raises:
            Exception: Whatever kept the database from answering.
        """
        lookup = _Lookup(pages, token, asyncio.get_running_loop().create_future())
        self._waiting.append(lookup)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await lookup.found

    async def _run(self) -> None:
        while self._waiting:
            lookups, self._waiting = self._waiting, []
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._thread, self._look, lookups)
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                for lookup in lookups:
                    if not lookup.found.done():
                        lookup.found.set_exception(error)
                continue
            for lookup, result in zip(lookups, found, strict=True):
                if not lookup.found.done():
                    lookup.found.set_result(result)
        self._running = None

    def _look(self, lookups: Sequence[_Lookup]) -> list[Found]:
        pages = {page for lookup in lookups for page in lookup.pages}
        tokens = {lookup.token for lookup in lookups if lookup.token}
        now = self._held.clock.now()
        with self._held.database.read() as connection:
            revisions = page_revisions(connection, pages)
            principals = principals_of_tokens(connection, tokens, now=now) if tokens else {}
        return [
            Found(
                {page: revisions[page] for page in lookup.pages},
                principals[lookup.token] if lookup.token else ANONYMOUS,
            )
            for lookup in lookups
        ]
