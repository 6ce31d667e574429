"""The command `h-indexer`: keeps the search index equal to PostgreSQL until SIGTERM or SIGINT."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from hcommon import garbage, logging
from hcommon.clock import SystemClock
from hcommon.health import run_checks
from hcommon.settings import load

from hindexer.app import Indexer
from hindexer.settings import Settings


def main(argv: Sequence[str] | None = None) -> None:
    """Run the indexer, or with `check` tell whether one works here; the exit status is 0 if so."""
    parser = argparse.ArgumentParser(prog="h-indexer", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("run", "check"), default="run", help="default: run")
    command = parser.parse_args(argv).command
    settings = load(Settings)
    logging.configure(service="indexer", level=settings.log_level, log_format=settings.log_format)
    indexer = Indexer(settings, clock=SystemClock())
    if command == "check":
        sys.exit(_check(indexer))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    garbage.look_rarely()
    logging.get_logger(__name__).info("started")
    indexer.run(stop)
    logging.get_logger(__name__).info("stopped")


def _check(indexer: Indexer) -> int:
    results = run_checks(indexer.checks())
    for name, result in results.items():
        print(f"{name}: {'ok' if result.ok else 'FAILED'} ({result.detail})")  # noqa: T201 - a command line prints
    return 0 if all(result.ok for result in results.values()) else 1
