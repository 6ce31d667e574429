"""Containers for the tests; whatever happens, none is left behind."""

from collections.abc import Iterator

import pytest

from tests.e2e.infra.suite import pytest_configure as pytest_configure
from tests.e2e.infra.suite import tidy as tidy

# After `suite`, which configures testcontainers.
from tests.e2e.infra.stack import Stack  # isort: skip


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All of h, shared by the tests that leave it as they found it."""
    with Stack() as running:
        yield running
