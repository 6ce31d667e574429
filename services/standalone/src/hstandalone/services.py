"""The services as child processes: which there are, and how one of them is started and stopped."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hstandalone import processes
from hstandalone.errors import StandaloneError
from hstandalone.logfiles import rotate, size, tail


@dataclass(frozen=True)
class ServiceSpec:
    """One row of the table of services.

    Attributes:
        name: Shown to people, and the name of the log file.
        argv: Command and arguments.
        stop_seconds: How long it may finish its work when told to stop.
        ready_url: Answers 200 once the service works; None for one that nobody waits for.
    """

    name: str
    argv: tuple[str, ...]
    stop_seconds: float = 10.0
    ready_url: str | None = None


def service_table(*, port: int, websocket_port: int) -> tuple[ServiceSpec, ...]:
    """Return the services in the order in which they start, and also stop: first what people wait for."""
    return (
        ServiceSpec(
            name="web", argv=(command("h-web"),), stop_seconds=25.0, ready_url=f"http://127.0.0.1:{port}/readyz"
        ),
        ServiceSpec(
            name="websocket",
            argv=(command("h-websocket"),),
            ready_url=f"http://127.0.0.1:{websocket_port}/_status",
        ),
        ServiceSpec(name="indexer", argv=(command("h-indexer"),)),
        ServiceSpec(name="worker", argv=(command("h-worker"), "all"), stop_seconds=25.0),
    )


def command(name: str) -> str:
    """Return the path of a command of our own environment."""
    return str(Path(sys.executable).with_name(name))


class Service:
    """A service's process, which may be started again and again."""

    def __init__(self, spec: ServiceSpec, *, env: Mapping[str, str], log_dir: Path) -> None:
        self.spec = spec
        self.name = spec.name
        self._env = env
        self._log_path = log_dir / f"{spec.name}.log"
        self._log_start = 0
        self.process: processes.ServerProcess | None = None

    def start(self) -> None:
        """Start it; whether it works shows later.

        Raises:
            StandaloneError: The command is not there or cannot be run.
        """
        if self.process is not None:
            self.process.kill()  # workers of a dead parent would still hold its port
        rotate(self._log_path)
        self._log_start = size(self._log_path)
        try:
            self.process = processes.spawn(self.spec.argv, env=self._env, log_path=self._log_path)
        except OSError as error:
            raise StandaloneError(f"{self.name} cannot be started: {error}") from error

    def is_running(self) -> bool:
        """Tell whether its process runs."""
        return self.process is not None and self.process.is_running()

    def exit_code(self) -> int | None:
        """Return the exit code of a process that has ended (negative: the signal)."""
        return self.process.exit_code() if self.process is not None else None

    def stop(self) -> None:
        """Let it finish its work, then end it and what it started."""
        if self.process is not None:
            self.process.stop(signals=[(signal.SIGTERM, self.spec.stop_seconds)])

    def last_words(self) -> str:
        """Return the last lines of its log since it was last started."""
        return tail(self._log_path, after_byte=self._log_start, lines=12)
