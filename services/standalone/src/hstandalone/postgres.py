"""PostgreSQL from the wheel: initialise, start, adopt or recover what a crash left, stop."""

import contextlib
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import psycopg2
from psycopg2 import sql

from hstandalone import pgdata, processes
from hstandalone.accounts import database_account
from hstandalone.errors import StandaloneError
from hstandalone.logfiles import size, tail
from hstandalone.pginstall import find_install
from hstandalone.sockets import make_socket_directory, remove_socket_directory

_PORT = "5432"  # only part of the socket's name: the server listens on no network address
_SHARED_ROOT = Path("/var/lib/h")
_RECOVERY_SECONDS = 300.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",  # a small disk is more likely here than a long burst of writes
    "io_method": "sync",  # spares the processes that read ahead for large scans
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement's text and its values hold what people wrote.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",  # without DETAIL, where a violated constraint shows the row
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server of our own on a socket in a private directory.

    Once started its URLs stay the same until it is stopped, also when its process dies and is started again.

    Args:
        data_dir: Its data directory; see `data_dir` of the instance for where the data really lies.
        durable: False gives up durability for speed, for tests only.
        log_path: Where the server writes its log; beside the data directory when None.
        shared_root: For root only: where binaries and data go when the unprivileged account cannot reach them.
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, log_path: Path | None = None, shared_root: Path = _SHARED_ROOT
    ) -> None:
        self.name = "PostgreSQL"
        self._wanted_dir = data_dir.resolve()
        self._account = database_account(self._wanted_dir)
        self.data_dir = pgdata.locate(self._wanted_dir, account=self._account, shared_root=shared_root)
        self._durable = durable
        self._log_path = log_path or self._wanted_dir.with_name(f"{data_dir.name}.log")
        self._shared_root = shared_root
        # PostgreSQL forgets its socket directory when it shuts down by itself; then only this can tell it.
        self._socket_note = self._wanted_dir.with_name(f"{data_dir.name}.socket")
        self._socket_dir: Path | None = None
        self._log_start = 0
        self.process: processes.ServerProcess | None = None
        self.adopted = False

    @property
    def relocated(self) -> bool:
        """Whether the data lies elsewhere than asked for, because the account could not go there."""
        return self.data_dir != self._wanted_dir

    @property
    def url(self) -> str:
        """SQLAlchemy (and libpq) URL of the maintenance database."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """Return the SQLAlchemy (and libpq) URL of a database on this server."""
        if self._socket_dir is None:
            raise StandaloneError("PostgreSQL has not been started.")
        return f"postgresql://postgres@/{name}?{urlencode({'host': str(self._socket_dir), 'port': _PORT}, safe='/')}"

    def start(self) -> None:
        """Make the data directory if there is none, start or adopt the server, and wait until it answers.

        Raises:
            StandaloneError: It does not start; the text has the reason and the end of the log.
        """
        install = find_install(account=self._account, shared_root=self._shared_root)
        if not pgdata.check_version(self.data_dir, install=install):
            pgdata.initialise(self.data_dir, install=install, account=self._account, durable=self._durable)
        self.adopted = self._adopt()
        if not self.adopted:
            self._launch(install.bin_dir / "postgres")

    def is_running(self) -> bool:
        """Tell whether the server's process runs."""
        return self.process is not None and self.process.is_running()

    def last_words(self) -> str:
        """Return the last lines of the server's log since it was last started."""
        return tail(self._log_path, after_byte=self._log_start)

    def stop(self, *, timeout_seconds: float = 20.0) -> None:
        """Stop the server: fast, then immediate, then by force; connected clients are cut off."""
        if self.process is not None:
            # Source: PostgreSQL manual 18.5: SIGINT is fast, SIGQUIT immediate shutdown (recovers at next start).
            self.process.stop(signals=[(signal.SIGINT, timeout_seconds), (signal.SIGQUIT, 5.0)])
            self.process = None
        if self._socket_dir is not None:
            self._forget_socket_dir(self._socket_dir)
            self._socket_dir = None

    def ensure_database(self, name: str) -> str:
        """Create a database unless it exists, and return its URL."""
        with contextlib.closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.database_url(name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _adopt(self) -> bool:
        """Take over a server that an earlier run left; False after clearing away what a dead one left."""
        left = pgdata.read_postmaster(self.data_dir)
        process = processes.find(left.pid, working_directory=self.data_dir) if left is not None else None
        if left is not None and process is not None:
            self.process, own_dir, self._socket_dir = process, self._socket_dir, left.socket_dir
            if self._answers_before_it_ends():
                return True
            self.process, self._socket_dir = None, own_dir
        # Cut short by a crash; or another program has the old number by now, and PostgreSQL would believe it.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        if self._socket_dir is None and self._socket_note.exists():
            self._forget_socket_dir(Path(self._socket_note.read_text()))
        return False

    def _forget_socket_dir(self, directory: Path) -> None:
        remove_socket_directory(directory)
        self._socket_note.unlink(missing_ok=True)

    def _launch(self, binary: Path) -> None:
        if self._socket_dir is None:
            self._socket_dir = make_socket_directory("pg", account=self._account)
            self._socket_note.write_text(str(self._socket_dir))
        for left in self._socket_dir.iterdir():  # a socket and its lock file, of a server that died
            left.unlink()
        settings = _SETTINGS | {"unix_socket_directories": str(self._socket_dir)} | ({} if self._durable else _FAST)
        argv = [str(binary), "-D", str(self.data_dir), "-p", _PORT]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        self._log_start = size(self._log_path)
        # Orphans of a killed server hold its shared memory for some moments.
        deadline = time.monotonic() + 15
        while True:
            self.process = processes.spawn(
                argv,
                env=pgdata.SERVER_ENVIRONMENT,
                log_path=self._log_path,
                account=self._account,
                death_signal=signal.SIGINT,
            )
            if self._answers_before_it_ends():
                return
            said = self.last_words()
            if "is still in use" not in said or time.monotonic() > deadline:
                raise StandaloneError(f"PostgreSQL does not start. The end of {self._log_path}:\n{said}")
            time.sleep(0.2)

    def _answers_before_it_ends(self) -> bool:
        """Wait for the first answer; recovery after a crash may take its time, a server that ends does not."""
        processes.wait_for(
            lambda: not self.is_running() or self._answers(), timeout_seconds=_RECOVERY_SECONDS, interval_seconds=0.01
        )
        return self.is_running()

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url).close()
        except psycopg2.OperationalError:
            return False
        return True
