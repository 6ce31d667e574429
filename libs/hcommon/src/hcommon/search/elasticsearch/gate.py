"""Keeps threads from waiting for a backend that is known to be in trouble."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hcommon.search.backend import SearchUnavailableError


class Gate:
    """Lets everybody through while all is well; after a failure one at a time, until one succeeds.

    Threads are few, and page reads need them: if all searches waited for a slow backend, nothing else would be served.
    """

    def __init__(self) -> None:
        self._is_well = True
        self._probe = threading.Lock()

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Do something with the backend; a `SearchUnavailableError` in the block is its failure.

        Raises:
            SearchUnavailableError: The last answer was a failure, and somebody else finds out now whether that is over.
        """
        if self._is_well:
            with self._judged():
                yield
            return
        if not self._probe.acquire(blocking=False):
            raise SearchUnavailableError("Search is not available now.")
        try:
            with self._judged():
                yield
        finally:
            self._probe.release()

    @contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except SearchUnavailableError:
            self._is_well = False
            raise
        self._is_well = True
