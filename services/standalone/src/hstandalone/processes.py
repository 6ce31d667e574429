"""Start processes that do not outlive us, and stop them, whether we started them or found them running."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped] # psutil ships no types

from hstandalone.accounts import Account

_PR_SET_PDEATHSIG = 1
_KILL_SECONDS = 10.0
_CLOCK_TOLERANCE_SECONDS = 1.0
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerProcess:
    """A process of ours: a child, or one that an earlier run left behind."""

    def __init__(self, process: subprocess.Popen[bytes] | psutil.Process) -> None:
        self.pid: int = process.pid
        self._child = process if isinstance(process, subprocess.Popen) else None
        self._process: Any = psutil.Process(process.pid) if self._child else process

    @property
    def created_at(self) -> float:
        """When it was started, in seconds; with the id it names a process beyond doubt.

        Raises:
            psutil.NoSuchProcess: It has ended and its parent knows.
        """
        return float(self._process.create_time())

    def is_running(self) -> bool:
        """Tell whether it still runs; a zombie of somebody else's does not."""
        if self._child is not None:
            return self._child.poll() is None
        try:
            return bool(self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def exit_code(self) -> int | None:
        """Return the exit code of a child that has ended (negative: the signal), else None."""
        return None if self._child is None else self._child.poll()

    def ending(self) -> str:
        """Say how it ended, in words that follow its name."""
        code = self.exit_code()
        if code is None:
            return "is gone"
        return f"ended with exit code {code}" if code >= 0 else f"was ended by {_signal_name(-code)}"

    def wait(self, *, timeout_seconds: float) -> bool:
        """Wait for its end; False when it still runs after the timeout."""
        if self._child is not None:
            try:
                self._child.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                return False
            return True
        return wait_for(lambda: not self.is_running(), timeout_seconds=timeout_seconds)

    def stop(self, *, signals: Sequence[tuple[signal.Signals, float]]) -> None:
        """Send each signal in turn and wait so many seconds after it; then kill what is left of its group."""
        for number, timeout_seconds in signals:
            if not self.is_running():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self.wait(timeout_seconds=timeout_seconds):
                break
        self.kill()

    def kill(self) -> None:
        """Kill it and what it started, at once; does nothing when all of them have ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # everything that `spawn` starts leads a group
        self.wait(timeout_seconds=_KILL_SECONDS)


def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log_path: Path,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> ServerProcess:
    """Start a process in a session of its own, so that the terminal's Ctrl-C reaches only us.

    Its output is appended to `log_path`. When the *thread* that called this ends, on Linux even by kill -9 of
    the whole process, the kernel sends `death_signal`: call it from a thread that lives as long as we do.
    """
    with log_path.open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own commands
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_tie_to_parent(death_signal),  # noqa: PLW1509 - one system call, no locks, no allocation
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    return ServerProcess(child)


def find(pid: int, *, working_directory: Path) -> ServerProcess | None:
    """Return the running process of this id if it works in that directory; ids are reused, directories tell."""
    try:
        found = psutil.Process(pid)
        if Path(found.cwd()) != working_directory.resolve():
            return None
        process = ServerProcess(found)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if process.is_running() else None


def find_by_start(pid: int, *, created_at: float) -> ServerProcess | None:
    """Return the running process of this id if it was started then (seconds, as `created_at` tells)."""
    try:
        process = ServerProcess(psutil.Process(pid))
        same = abs(process.created_at - created_at) < _CLOCK_TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return None
    return process if same and process.is_running() else None


def wait_for(condition: Callable[[], bool], *, timeout_seconds: float, interval_seconds: float = 0.02) -> bool:
    """Poll until the condition holds; False when it never did within the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval_seconds)
    return True


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tie_to_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Make what runs in the child before exec; None where the kernel has no such service.

    Source: prctl(2), PR_SET_PDEATHSIG: cleared by a change of user, which subprocess makes before this runs.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # died before the call: nobody would ever send the signal
            os._exit(0)

    return tie
