"""A running system, somebody with a token, and environments for other people's clients.

They start a system as `make run` does, or use the containers that the file named by `TEST_CLIENTS_CONTAINERS`
describes.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser import system as systems
from tests.browser.containers import Containers
from tests.browser.system import System

LOCKS = Path(__file__).parents[2] / "requirements" / "clients"
INSTALL_SECONDS = 300


@pytest.fixture(scope="session")
def system() -> Iterator[System | Containers]:
    """All of h."""
    if described := os.environ.get("TEST_CLIENTS_CONTAINERS"):  # noqa: TID251 - not a setting of h
        yield Containers(Path(described))
        return
    with systems.running({}) as running:
        yield running


@pytest.fixture(scope="session")
def token(system: System) -> str:
    """A developer token of the user `carol`."""
    system.h("user", "add", "carol", "--email", "carol@example.com", typed="a long pass phrase\n" * 2)
    return system.h("token", "create", "carol").strip().splitlines()[-1]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make an environment with what one lock lists, and return its Python: `environment("generator")`."""

    def environment(name: str) -> Path:
        directory = tmp_path_factory.mktemp(name) / "venv"
        venv.create(directory)
        python = directory / "bin" / "python"
        lock = LOCKS / f"{name}.lock"
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
        run([*command, "--disable-pip-version-check", "--require-hashes", "-r", str(lock)])
        return python

    return environment


def run(command: list[str], *, cwd: Path | None = None) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS, cwd=cwd)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
