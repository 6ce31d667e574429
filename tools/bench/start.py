"""How long `make run` takes until the API answers: once on an empty directory, then again on its data.

    python tools/bench/start.py [RUNS]

Prints each start, their median, the processor time that was used until then, and how busy the machine was. On a busy
machine only the processor time says something.
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

import psutil  # type: ignore[import-untyped]  # psutil ships no types
from hcommon.testing.ports import free_port
from hstandalone.readiness import answers

CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 120.0
_POLL_SECONDS = 0.01


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if sys.argv[1:] else 5
    data = Path(tempfile.mkdtemp(prefix="h-start-", dir="/var/tmp"))
    data.chmod(0o711)  # the account that runs PostgreSQL passes through
    try:
        _show("first", *_start_and_stop(data))
        starts = [_start_and_stop(data) for _ in range(runs)]
        for start in starts:
            _show("again", *start)
        _show("median", *(statistics.median(column) for column in zip(*starts, strict=True)))
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _show(what: str, seconds: float, processor_seconds: float, load: float) -> None:
    print(
        f"{what:<6} {seconds:6.2f} s, processor {processor_seconds:5.2f} s, load {load:.1f} on {os.cpu_count()} cores"
    )


def _start_and_stop(data: Path) -> tuple[float, float, float]:
    """Return the seconds from the command to the first 200, those of the processor, and the load."""
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
        while not answers(f"http://127.0.0.1:{port}/api/"):
            if process.poll() is not None or time.monotonic() > started + START_SECONDS:
                raise SystemExit(f"make run did not start:\n{(data / 'printed.txt').read_text()}")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - started, _processor_seconds(process.pid), os.getloadavg()[0]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def _processor_seconds(pid: int) -> float:
    parent = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:4]) for each in [parent, *parent.children(recursive=True)])


if __name__ == "__main__":
    main()
