"""A system in containers that somebody else started and describes in a file; tests/e2e does."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2

START_SECONDS = 240
COMMAND_SECONDS = 120


class Containers:
    """All of h, an image a service; the commands that act on it stand in the description.

    Attributes:
        url: Where people find it.
        kept_mail: Directory in which every mail becomes a file.
    """

    def __init__(self, description: Path) -> None:
        values: dict[str, Any] = json.loads(description.read_text())
        self.url: str = values["url"]
        self.kept_mail = Path(values["mail"])
        self._commands: dict[str, list[str]] = values["commands"]

    @property
    def authority(self) -> str:
        """The part after `@` in the user ids."""
        return "localhost"

    @property
    def printed(self) -> str:
        """What initialisation has printed."""
        return self._run("printed")

    def start(self) -> None:
        """Start it again and return once it answers."""
        self._run("start")
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert time.monotonic() < deadline, "It did not start again."
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop our containers in order."""
        self._run("stop")

    def h(self, *arguments: str, typed: str = "") -> str:
        """Run the `h` command against it, give it something to read, and return what it prints."""
        return self._run("h", *arguments, typed=typed)

    def kill(self, service: str) -> None:
        """Kill a service's container outright, and start it again at once."""
        self._run(f"kill {service}")

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def _run(self, name: str, *arguments: str, typed: str = "") -> str:
        done = subprocess.run(
            [*self._commands[name], *arguments],
            input=typed,
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, f"{name} {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout
