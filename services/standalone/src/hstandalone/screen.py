"""What the person who typed `make run` sees: steps with a spinner on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Screen:
    """Messages on the terminal. Text is never read as markup, so that paths and log lines show as they are."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that something is going on; a terminal also gets a line with its time when it is done."""
        if not self._console.is_terminal:
            yield
            return
        started = time.monotonic()
        with self._console.status(f"{text} …", spinner="dots"):
            yield
        self._console.print("✓", style="green", end=" ", markup=False)
        self._console.print(f"{text} ({time.monotonic() - started:.1f} s)", markup=False, highlight=False)

    def say(self, text: str) -> None:
        """Show a line that everybody should see."""
        self._show(text)

    def address(self, url: str) -> None:
        """Show the site's address, so that it stands out."""
        self._show(url, style="bold cyan")

    def problem(self, text: str) -> None:
        """Show what went wrong."""
        self._show(text, style="red")

    def quote(self, text: str) -> None:
        """Show lines of somebody else's, set in."""
        for line in text.splitlines():
            self._show(f"  │ {line}", style="dim")

    def _show(self, text: str, *, style: str = "") -> None:
        with contextlib.suppress(OSError):  # a file on a full disk, say: no reason to stop everything
            self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
