"""Servers for everybody's tests: one PostgreSQL and one Valkey a pytest process, without Docker.

They are fast and forget everything; tests make their own databases on them (see `hcommon.testing`). Of Valkey's 16
databases each user has its own: 0 web, 1 sessions, 2 rate limits, 3 bus, 4 command line, 5 websocket, 6 and 7 worker,
8 and 9 indexer.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hstandalone.postgres import EmbeddedPostgres
from hstandalone.valkey import EmbeddedValkey

pytest_plugins = ["hcommon.testing.plugin"]


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Directory for the servers' data, which the unprivileged account of PostgreSQL may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="h-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server_url(server_directory: Path) -> Iterator[str]:
    """URL of the maintenance database of a fresh PostgreSQL, as its superuser."""
    with EmbeddedPostgres(server_directory / "postgres", durable=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def valkey(server_directory: Path) -> Iterator[EmbeddedValkey]:
    """A fresh Valkey: `valkey.url(db)` for redis-py, `valkey.broker_url(db)` for kombu and Celery."""
    with EmbeddedValkey(server_directory / "valkey", durable=False) as server:
        yield server
