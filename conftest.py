"""Servers for everybody's tests: one PostgreSQL and one Valkey a pytest process, without Docker.

They are fast and forget everything; tests make their own databases on them (see `hcommon.testing`). Of Valkey's 16
databases each user has its own: 0 web, 1 sessions, 2 rate limits, 3 bus, 4 command line, 5 websocket, 6 and 7 worker,
8 and 9 indexer.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hstandalone.postgres import EmbeddedPostgres
from hstandalone.valkey import EmbeddedValkey

pytest_plugins = ["hcommon.testing.plugin"]

ELASTICSEARCH_URL = os.environ.get("TEST_ELASTICSEARCH_URL")  # noqa: TID251 - not a setting of h: where tests find one
LEFT_OUT = "Tests that need an Elasticsearch were left out: `make search-tests` runs them, with one in a container."


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need an Elasticsearch where there is none."""
    if ELASTICSEARCH_URL:
        return
    left_out = [item for item in items if "elasticsearch_url" in getattr(item, "fixturenames", ())]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays for the whole run: looking at it again and again took an eighth of it."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out; with several processes it is they who left it out, and this one has no list."""
    several = bool(config.getoption("numprocesses", default=None))
    if not ELASTICSEARCH_URL and (several or terminalreporter.stats.get("deselected")):
        terminalreporter.write_line(LEFT_OUT, yellow=True)


@pytest.fixture(scope="session")
def elasticsearch_url() -> str:
    """URL of an Elasticsearch 9, which `TEST_ELASTICSEARCH_URL` names; without one, who asks for this is left out."""
    assert ELASTICSEARCH_URL
    return ELASTICSEARCH_URL


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
