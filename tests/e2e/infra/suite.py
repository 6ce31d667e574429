"""For each suite that runs containers: whatever happens, none is left behind."""

import atexit
import os
import shutil
import signal
from collections.abc import Iterator

# Before testcontainers is imported: its reaper's image can't be had without a registry, so we tidy up ourselves,
# and published ports are always reached by this machine's own address.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")

import docker
import pytest

from tests.e2e.infra import leftovers
from tests.e2e.infra.stack import LOGS


def pytest_configure() -> None:
    """Have SIGTERM end the run in order, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def tidy() -> Iterator[None]:
    """Remove what earlier runs left that were killed, and in the end all of ours."""
    shutil.rmtree(LOGS, ignore_errors=True)
    client = docker.from_env()
    leftovers.remove_orphans(client)
    atexit.register(leftovers.remove_mine, client)
    yield
    leftovers.remove_mine(client)
    client.close()
