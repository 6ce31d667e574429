"""The sign of life."""

import os
import threading
import time
from pathlib import Path

import pytest
from hcommon.clock import SystemClock
from hcommon.testing.clock import FrozenClock
from hindexer.heartbeat import LONGEST_SILENCE_SECONDS, Heartbeat, NoHeartbeatError, check_heartbeat

PATIENCE_SECONDS = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


class TestBeating:
    def test_a_living_process_touches_the_file_again_and_again(self, path: Path) -> None:
        stop = threading.Event()
        Heartbeat(path, is_alive=lambda: True, interval_seconds=0.01).start(stop)
        for _ in range(2):
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not path.exists():
                assert time.monotonic() < deadline
                stop.wait(0.01)
            path.unlink()
        stop.set()

    def test_one_that_cannot_work_does_not(self, path: Path) -> None:
        stop, asked = threading.Event(), threading.Semaphore(0)

        def is_alive() -> bool:
            asked.release()
            return False

        Heartbeat(path, is_alive=is_alive, interval_seconds=0.01).start(stop)
        for _ in range(3):
            assert asked.acquire(timeout=PATIENCE_SECONDS)
        assert not path.exists()
        stop.set()

    def test_a_file_that_cannot_be_written_does_not_end_the_beating(self, path: Path) -> None:
        stop, asked = threading.Event(), threading.Semaphore(0)

        def is_alive() -> bool:
            asked.release()
            return True

        Heartbeat(path / "not a directory", is_alive=is_alive, interval_seconds=0.01).start(stop)
        for _ in range(3):
            assert asked.acquire(timeout=PATIENCE_SECONDS)
        stop.set()


class TestChecking:
    def test_a_fresh_one_is_told(self, path: Path) -> None:
        path.touch()
        assert check_heartbeat(path, clock=SystemClock()).endswith(" s ago")

    def test_an_old_one_is_a_failure(self, path: Path, clock: FrozenClock) -> None:
        path.touch()
        then = clock.now().timestamp() - LONGEST_SILENCE_SECONDS
        os.utime(path, (then + 1, then + 1))
        assert check_heartbeat(path, clock=clock) == "29 s ago"
        os.utime(path, (then - 1, then - 1))
        with pytest.raises(NoHeartbeatError, match="31 s ago"):
            check_heartbeat(path, clock=clock)

    def test_none_is_a_failure(self, path: Path, clock: FrozenClock) -> None:
        with pytest.raises(NoHeartbeatError):
            check_heartbeat(path, clock=clock)
