"""Containers that all faults share, and the table of what became of each."""

import os
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.infra.suite import pytest_configure as pytest_configure
from tests.e2e.infra.suite import tidy as tidy

# After `suite`, which configures testcontainers.
from tests.chaos import storm, table  # isort: skip
from tests.chaos.storm import People  # isort: skip
from tests.chaos.system import CutStack  # isort: skip

OPERATIONS: Final = int(os.environ.get("CHAOS_OPERATIONS", "5000"))
"""Acknowledged operations of all faults together."""

ROWS: Final[list[table.Row]] = []


@pytest.fixture(scope="session")
def stack() -> Iterator[CutStack]:
    """All of h."""
    with CutStack() as running:
        yield running


@pytest.fixture(scope="session")
def people(stack: CutStack) -> People:
    """Everybody who writes."""
    return storm.register(stack)


@pytest.fixture
def row(request: pytest.FixtureRequest) -> table.Row:
    """The line of this fault in the table."""
    row = table.Row(request.node.callspec.id)
    ROWS.append(row)
    return row


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, whatever has failed."""
    if ROWS:
        terminalreporter.section("faults")
        terminalreporter.write_line(table.drawn(ROWS))
        table.keep(ROWS)
