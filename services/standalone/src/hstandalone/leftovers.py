"""Services that outlived a supervisor which was killed: they would hold the ports and the queues."""

import json
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

from hstandalone.processes import ServerProcess, find_by_start
from hstandalone.secretfile import write_private

_GRACE_SECONDS = 10.0


def remember(path: Path, running: Iterable[ServerProcess]) -> None:
    """Write down which processes we started, by id and start time."""
    write_private(path, {str(process.pid): str(process.created_at) for process in running if process.is_running()})


def end_leftovers(path: Path) -> int:
    """Stop the processes that the last run wrote down and that still run; return how many."""
    stopped = 0
    for pid, created_at in _read(path).items():
        process = find_by_start(int(pid), created_at=float(created_at))
        if process is not None:
            process.stop(signals=[(signal.SIGTERM, _GRACE_SECONDS)])
            stopped += 1
    path.unlink(missing_ok=True)
    return stopped


def _read(path: Path) -> Mapping[str, str]:
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
