"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_SECONDS = 0.1


def wait_until(ask: Callable[[], T], *, seconds: float = 20, what: str = "") -> T:
    """Ask until the answer is true, and return it.

    Raises:
        AssertionError: It was not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what or ask}"
        time.sleep(_PAUSE_SECONDS)
    return answer
