"""The tests leave nothing behind, however they end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.infra import leftovers
from tests.e2e.infra.waiting import wait_until

HERE = Path(__file__).parent


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    """Looks into the engine."""
    client = docker.from_env()
    yield client
    client.close()


class TestTidiness:
    def test_a_run_that_is_interrupted_removes_what_it_made(self, client: docker.DockerClient) -> None:
        # Whatever a shell starts in the background ignores Ctrl-C, and so does all that this starts.
        with_interrupts = ["env", "--default-signal=INT"]
        command = [*with_interrupts, sys.executable, "-m", "pytest", "-q", str(HERE / "test_first_journey.py")]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            # The first of many: once all of them run, the test may be over before it hears of it.
            wait_until(lambda: len(leftovers.of_process(client, running.pid)) > 2, seconds=180, what="containers run")
            running.send_signal(signal.SIGINT)
            said, _ = running.communicate(timeout=240)
            assert running.returncode == pytest.ExitCode.INTERRUPTED, said
            assert leftovers.of_process(client, running.pid) == []
        finally:
            running.kill()
