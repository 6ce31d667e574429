"""A system of its own to measure: `h-standalone` on free ports with a data directory that is thrown away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from hcommon.testing.ports import free_port

START_SECONDS = 120
_MILLISECONDS_A_TICK = 1000 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class System:
    """A running system.

    Attributes:
        url: Its address.
        environment: What its services were told, `DATABASE_URL` among it.
        pid: The supervisor.
        first_start_seconds: From nothing (an empty data directory) to the first 200.
    """

    url: str
    environment: dict[str, str]
    pid: int
    first_start_seconds: float

    def run(self, *argv: str) -> str:
        """Run one of our commands against it and return what it prints."""
        program = Path(sys.executable).with_name(argv[0])
        environment = os.environ | self.environment  # noqa: TID251 - a tool, not a service
        return subprocess.run([program, *argv[1:]], env=environment, check=True, capture_output=True, text=True).stdout


@contextmanager
def running(*, workers: int, settings: Mapping[str, str] | None = None) -> Iterator[System]:
    """Start it with this many web processes and further settings, and remove all of it afterwards."""
    data = Path(tempfile.mkdtemp(prefix="h-bench-", dir="/var/tmp"))
    data.chmod(0o711)
    port = free_port()
    variables = {
        "H_DATA": str(data),
        "PORT": str(port),
        "WEBSOCKET_PORT": str(free_port()),
        "UVICORN_WORKERS": str(workers),
        **(settings or {}),
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("h-standalone")],
        env=os.environ | variables,  # noqa: TID251 - a tool, not a service
        stdout=sys.stderr,
    )
    try:
        _wait(port, process)
        elapsed = time.monotonic() - started
        environment = json.loads((data / "environment.json").read_text())
        yield System(f"http://localhost:{port}", environment, process.pid, elapsed)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(data, ignore_errors=True)


def memory(pid: int) -> dict[str, float]:
    """Return the proportional memory (PSS) in MB of a process's descendants, summed by command."""
    found: dict[str, float] = {}
    for child in _descendants(pid):
        name, megabytes = _name(child), _pss(child)
        found[name] = found.get(name, 0.0) + megabytes
    return found


def processor_time(pid: int, database_url: str) -> Counter[str]:
    """Return the milliseconds of processor time that a process's descendants have used, summed by command.

    A server process of PostgreSQL counts as `postgres for` the program that it serves, and apart from its others.
    """
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pid, application_name FROM pg_stat_activity")
        served = dict(cursor.fetchall())
    found: Counter[str] = Counter()
    for child in _descendants(pid):
        try:
            name, fields = _name(child), Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if name == "postgres" and served.get(child):
            name = f"postgres for {served[child]}"
        found[name] += (int(fields[11]) + int(fields[12])) * _MILLISECONDS_A_TICK
    return found


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for current in found:
        found += children.get(current, [])
    return found


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    for name in ("h-web", "h-websocket", "h-worker", "h-indexer", "h-standalone", "valkey", "postgres"):
        if name in words and not (name == "h-web" and "h-websocket" in words):
            return name
    return "h-web" if "multiprocessing" in words else words[:40] or "?"


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("h-standalone did not start.")
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in connection.recv(64):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("h-standalone did not answer in time.")
