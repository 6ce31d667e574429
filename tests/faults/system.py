"""All of h on free ports with durable data, whose processes can be killed one by one."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hcommon.testing.ports import free_port
from hstandalone.clientpackage import read_pin
from hstandalone.run import CLIENT_PIN

START_SECONDS = 120.0
STOP_SECONDS = 60.0
COMMAND_SECONDS = 60.0

_HERE = Path(__file__).parent
_STANDALONE = str(Path(sys.executable).with_name("h-standalone"))
_APART = str(_HERE / "launch_apart.py")
_ADDRESS = re.compile(r"Open this address.*\n(http\S+)\n")


class System:
    """The embedded system as a process; it can be killed, and started again on the same data.

    Attributes:
        data: Its data directory.
        url: Where it answers.
        socket_url: Where its WebSocket is.
    """

    def __init__(self, *, data: Path, variables: Mapping[str, str], output: Path | None = None) -> None:
        """Prepare; nothing starts before `run`.

        Args:
            data: A directory that is not there yet.
            variables: Settings besides directory and ports.
            output: Where what it prints goes; beside the data when None.
        """
        self.data = data
        port, websocket_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.socket_url = f"ws://127.0.0.1:{websocket_port}/ws"
        self._variables = {"H_DATA": str(data), "PORT": str(port), "WEBSOCKET_PORT": str(websocket_port), **variables}
        self._output = output or data.with_name(f"{data.name}-printed.txt")
        self._process: subprocess.Popen[bytes] | None = None
        self._apart = False
        data.mkdir(mode=0o711)
        _put_client(data)

    def run(self, *, apart: bool = False) -> None:
        """Make sure that it runs, and return once it says so.

        Args:
            apart: With a process for each of the worker's roles, instead of one process for all.
        """
        if self._process is not None and self._apart != apart:
            assert self.stop() == 0
        if self._process is None:
            self._apart = apart
            self._start()

    def _start(self) -> None:
        printed_before = len(self.printed)
        with self._output.open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, _APART] if self._apart else [_STANDALONE],
                env=_inherited() | self._variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        process = self._process
        wait_until(
            lambda: _ADDRESS.search(self.printed, printed_before) is not None or process.poll() is not None,
            seconds=START_SECONDS,
            what="the start",
        )
        assert process.poll() is None, f"h-standalone did not start. It said:\n{self.printed}"

    def stop(self) -> int:
        """Stop it as an operator would, and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS)

    def remove(self) -> None:
        """Stop it and remove what it kept."""
        try:
            self.stop()
        finally:
            if keep := _inherited().get("H_TEST_KEEP_LOGS"):
                shutil.copytree(self.data / "log", Path(keep) / self.data.name, dirs_exist_ok=True)
            shutil.rmtree(self.data, ignore_errors=True)
            self._output.unlink(missing_ok=True)

    @property
    def printed(self) -> str:
        """Everything that it has printed so far."""
        return self._output.read_text() if self._output.exists() else ""

    @property
    def database_url(self) -> str:
        """Where its database is, for as long as it runs."""
        return str(json.loads((self.data / "environment.json").read_text())["DATABASE_URL"])

    def pid(self, victim: str) -> int:
        """Return the id of a process: `supervisor`, `postgres`, `valkey`, or a service's command line."""
        if victim == "supervisor":
            assert self._process is not None
            return self._process.pid
        if victim == "postgres":
            return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])
        if victim == "valkey":
            return int((self.data / "valkey" / "valkey.pid").read_text())
        for pid in json.loads((self.data / "run.json").read_text()):
            if f"/{victim} " in _command_line(int(pid)):
                return int(pid)
        raise LookupError(f"{victim} does not run")

    def kill(self, victim: str) -> int:
        """Kill a process as the kernel does when memory is short; return the id that it had."""
        pid = self.pid(victim)
        os.kill(pid, signal.SIGKILL)
        if victim == "supervisor":
            assert self._process is not None
            self._process.wait(STOP_SECONDS)
            self._process = None
        return pid

    def await_another(self, victim: str, *, than: int, seconds: float = 30.0) -> None:
        """Wait until the supervisor has started a process anew."""

        def is_there() -> bool:
            try:
                return self.pid(victim) != than
            except (LookupError, ValueError, IndexError, FileNotFoundError):
                return False

        wait_until(is_there, seconds=seconds, what=f"another {victim}")

    def h(self, *arguments: str, typed: str = "", status: int = 0) -> str:
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
        assert done.returncode == status, f"h {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def log(self, name: str) -> str:
        """Return a process's log."""
        return (self.data / "log" / f"{name}.log").read_text()


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until a condition holds; fail when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


def _put_client(data: Path) -> None:
    """Leave the marks of a fetched client; nobody opens a sidebar here."""
    build = data / "client" / read_pin(CLIENT_PIN).version / "build"
    build.mkdir(parents=True)
    (build / "boot.js").touch()


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")  # a space after each argument
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _inherited() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - a test starts programs; settings are the programs' business
