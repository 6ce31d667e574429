"""Directories, messages and stand-in programs for the tests of the embedded mode."""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hstandalone.processes import ServerProcess
from hstandalone.screen import Screen
from rich.console import Console


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A fresh directory that PostgreSQL's unprivileged account may pass through; pytest's own may not be."""
    directory = Path(tempfile.mkdtemp(prefix="h-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def output() -> io.StringIO:
    """What `screen` has shown."""
    return io.StringIO()


@pytest.fixture
def screen(output: io.StringIO) -> Screen:
    return Screen(Console(file=output, width=200))


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], list[str]]:
    """Make a Python program of the given text and return the command that runs it."""
    count = 0

    def make(text: str) -> list[str]:
        nonlocal count
        count += 1
        path = tmp_path / f"program{count}.py"
        path.write_text(text)
        return [sys.executable, str(path)]

    return make


@pytest.fixture
def ended() -> Callable[[int], bool]:
    """Tell whether a process of this id is gone, or waits as a zombie for a parent who does not ask."""

    def is_gone(pid: int) -> bool:
        stat = Path(f"/proc/{pid}/stat")
        try:
            return stat.read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    return is_gone


@pytest.fixture
def reaped() -> Iterator[list[ServerProcess]]:
    """Processes put in here are killed after the test."""
    processes: list[ServerProcess] = []
    yield processes
    for process in processes:
        process.kill()


@pytest.fixture
def environment() -> dict[str, str]:
    """The least that a Python program needs."""
    return {"PATH": os.defpath}
