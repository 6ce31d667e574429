"""How long `make run` takes until the first page is served: once on an empty directory, then again on its data.

    python tools/bench/start.py [RUNS]

Prints each start, their median, and how busy the machine was; a start on a busy machine says little.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hstandalone.readiness import answers
from system import free_port

CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 120.0
_POLL_SECONDS = 0.01


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if sys.argv[1:] else 5
    data = Path(tempfile.mkdtemp(prefix="h-start-", dir="/var/tmp"))
    data.chmod(0o711)  # the account that runs PostgreSQL passes through
    try:
        print(f"first  {_start_and_stop(data):5.2f} s  {_load()}")
        warm = []
        for _ in range(runs):
            warm.append(_start_and_stop(data))
            print(f"again  {warm[-1]:5.2f} s  {_load()}")
        print(f"median {statistics.median(warm):5.2f} s of {runs}")
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _start_and_stop(data: Path) -> float:
    """Return the seconds from the command to the first page that is served."""
    port = free_port()
    variables = {"H_DATA": str(data), "PORT": str(port), "WEBSOCKET_PORT": str(free_port())}
    started = time.monotonic()
    with (data / "printed.txt").open("w") as output:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=CHECKOUT,
            env=os.environ | variables,  # noqa: TID251 - a tool, not a service
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not answers(f"http://127.0.0.1:{port}/"):
            if process.poll() is not None or time.monotonic() > started + START_SECONDS:
                raise SystemExit(f"make run did not start:\n{(data / 'printed.txt').read_text()}")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - started
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def _load() -> str:
    return f"(load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"


if __name__ == "__main__":
    main()
