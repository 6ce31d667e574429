"""How many visitors ask the provider at once.

Each holds a thread while it does. A provider that has become slow must not hold them all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from hcommon.errors import UnavailableError

PATIENCE_SECONDS: Final = 10.0


class ProviderBusyError(UnavailableError):
    """The provider is too slow for so many visitors."""


class Places:
    """A number of places, for which others wait in the event loop, without a thread."""

    def __init__(self, count: int, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._free = asyncio.Semaphore(count)
        self._patience_seconds = patience_seconds

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold a place for as long as the block takes.

        Raises:
            ProviderBusyError: None has become free in time.
        """
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise ProviderBusyError("Too many people are logging in at the moment. Please try again soon.") from error
        try:
            yield
        finally:
            self._free.release()
