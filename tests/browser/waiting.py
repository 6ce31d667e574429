"""Waiting for what Playwright cannot wait for by itself."""

import time
from collections.abc import Callable

from playwright.sync_api import Page

DEADLINE_SECONDS = 15
PAUSE_MS = 20


def wait_until(page: Page, happened: Callable[[], bool]) -> None:
    """Look again and again; Playwright's events come in between.

    Raises:
        AssertionError: It has not happened in time.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "It has not happened in time."
        page.wait_for_timeout(PAUSE_MS)
