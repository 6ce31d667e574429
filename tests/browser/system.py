"""A system of its own: `h-standalone` on free ports, with a data directory that is thrown away."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hcommon.testing.ports import free_port

START_SECONDS = 120
STOP_SECONDS = 60
COMMAND_SECONDS = 60

_STANDALONE = Path(sys.executable).with_name("h-standalone")
_ADDRESS = re.compile(r"Open this address.*\n(http\S+)\n")


class System:
    """All of h, as `make run` runs it; it can be stopped and started again on the same data.

    Attributes:
        data: Its data directory.
        url: The address that it printed.
    """

    def __init__(self, *, data: Path, variables: Mapping[str, str]) -> None:
        self.data = data
        self.url = ""
        own = {"H_DATA": str(data), "PORT": str(free_port()), "WEBSOCKET_PORT": str(free_port())}
        self._variables = {**variables, **own}
        self._output = data / "printed.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def kept_mail(self) -> Path | None:
        """Directory of the mails, None where the system shows them itself."""
        return None

    @property
    def environment(self) -> dict[str, str]:
        """What its services were told."""
        variables: dict[str, str] = json.loads((self.data / "environment.json").read_text())
        return variables

    @property
    def authority(self) -> str:
        """The part after `@` in the user ids."""
        return "localhost"

    def start(self) -> None:
        """Start it and return once it has printed its address."""
        printed_before = len(self.printed)
        with self._output.open("a") as output:
            self._process = subprocess.Popen(
                [_STANDALONE], env=_inherited() | self._variables, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while not (address := _ADDRESS.search(self.printed, printed_before)):
            if self._process.poll() is not None:
                self._process = None
            if self._process is None or time.monotonic() > deadline:
                raise RuntimeError(f"h-standalone did not start. It said:\n{self.printed}")
            time.sleep(0.05)
        self.url = address[1]

    def stop(self) -> None:
        """Stop it as an operator would."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_SECONDS)
        assert code == 0, f"h-standalone ended with {code}. It said:\n{self.printed}"

    @property
    def printed(self) -> str:
        """Everything that it has printed so far."""
        return self._output.read_text() if self._output.exists() else ""

    def h(self, *arguments: str, typed: str = "") -> str:
        """Run the `h` command against it, give it something to read, and return what it prints."""
        done = subprocess.run(
            [_STANDALONE, "exec", "h", *arguments],
            env=_inherited() | self._variables,
            input=typed,
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, f"h {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def kill(self, service: str) -> None:
        """Kill the processes of a service outright; the supervisor has to notice."""
        for pid in json.loads((self.data / "run.json").read_text()):
            if f"h-{service}" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(int(pid), signal.SIGKILL)


@contextmanager
def running(variables: Mapping[str, str]) -> Iterator[System]:
    """Start a system with these settings, and remove all of it afterwards."""
    data = Path(tempfile.mkdtemp(prefix="h-browser-", dir="/var/tmp"))
    data.chmod(0o711)  # the account that runs PostgreSQL passes through
    system = System(data=data, variables=variables)
    try:
        system.start()
        yield system
    finally:
        try:
            system.stop()
        finally:
            shutil.rmtree(data)


def _inherited() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - a test starts programs; settings are the programs' business
