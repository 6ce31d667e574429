"""Processes that do not outlive us."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hstandalone.processes import ServerProcess, find, find_by_start, spawn, wait_for

SLEEP = "import time\ntime.sleep(600)\n"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)\n"
)

Program = Callable[[str], list[str]]


@pytest.fixture
def start(
    program: Program, environment: dict[str, str], tmp_path: Path, reaped: list[ServerProcess]
) -> Callable[[str], ServerProcess]:
    def run(text: str) -> ServerProcess:
        process = spawn(program(text), env=environment, log_path=tmp_path / "log", cwd=tmp_path)
        reaped.append(process)
        return process

    return run


class TestSpawn:
    def test_output_of_both_kinds_goes_to_the_log(self, start: Callable[[str], ServerProcess], tmp_path: Path) -> None:
        process = start("import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr)\n")
        assert process.wait(timeout_seconds=20)
        assert (tmp_path / "log").read_text() == "out\nerr\n"

    def test_it_leads_a_session_so_that_ctrl_c_reaches_only_us(self, start: Callable[[str], ServerProcess]) -> None:
        process = start(SLEEP)
        assert os.getsid(process.pid) == process.pid

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
    def test_a_child_dies_with_a_parent_that_was_killed(
        self, start: Callable[[str], ServerProcess], tmp_path: Path, ended: Callable[[int], bool]
    ) -> None:
        parent = start(
            "import pathlib, sys, time\n"
            "from hstandalone.processes import spawn\n"
            f"log = pathlib.Path({str(tmp_path / 'child.log')!r})\n"
            "child = spawn([sys.executable, '-c', 'import time; time.sleep(600)'], env={}, log_path=log)\n"
            "print('child', child.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        assert wait_for(lambda: "child" in (tmp_path / "log").read_text(), timeout_seconds=30)
        child = int((tmp_path / "log").read_text().split()[-1])
        assert not ended(child)
        os.kill(parent.pid, signal.SIGKILL)
        assert wait_for(lambda: ended(child), timeout_seconds=10)


class TestServerProcess:
    def test_the_end_is_told_in_words(self, start: Callable[[str], ServerProcess]) -> None:
        failed, killed = start("raise SystemExit(3)\n"), start(SLEEP)
        killed.kill()
        failed.wait(timeout_seconds=20)
        assert failed.ending() == "ended with exit code 3"
        assert killed.ending() == "was ended by SIGKILL"

    def test_a_real_time_signal_has_a_number(self, start: Callable[[str], ServerProcess]) -> None:
        process = start(SLEEP)
        os.kill(process.pid, signal.SIGRTMIN + 2)
        process.wait(timeout_seconds=20)
        assert process.ending() == f"was ended by signal {signal.SIGRTMIN + 2}"

    def test_one_that_ignores_the_signal_is_killed_after_its_time(
        self, start: Callable[[str], ServerProcess], tmp_path: Path
    ) -> None:
        process = start(STUBBORN)
        assert wait_for(lambda: "deaf" in (tmp_path / "log").read_text(), timeout_seconds=20)
        process.stop(signals=[(signal.SIGTERM, 0.2)])
        assert process.ending() == "was ended by SIGKILL"

    def test_what_it_started_ends_with_it(
        self, start: Callable[[str], ServerProcess], tmp_path: Path, ended: Callable[[int], bool]
    ) -> None:
        process = start(
            "import subprocess, sys, time\n"
            "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "print('worker', worker.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        assert wait_for(lambda: "worker" in (tmp_path / "log").read_text(), timeout_seconds=20)
        worker = int((tmp_path / "log").read_text().split()[-1])
        process.stop(signals=[(signal.SIGTERM, 10.0)])
        assert wait_for(lambda: ended(worker), timeout_seconds=10)

    def test_stopping_one_that_has_ended_does_nothing(self, start: Callable[[str], ServerProcess]) -> None:
        process = start("")
        process.wait(timeout_seconds=20)
        process.stop(signals=[(signal.SIGTERM, 5.0)])
        assert process.exit_code() == 0

    def test_one_that_we_did_not_start_is_watched_and_stopped_too(
        self, start: Callable[[str], ServerProcess], tmp_path: Path
    ) -> None:
        child = start(SLEEP)
        found = find(child.pid, working_directory=tmp_path)
        assert found is not None
        assert found.exit_code() is None
        assert found.ending() == "is gone"
        found.stop(signals=[(signal.SIGTERM, 10.0)])
        assert not found.is_running()
        child.wait(timeout_seconds=10)
        assert not found.is_running()


class TestFind:
    def test_the_directory_tells_a_reused_number(self, tmp_path: Path) -> None:
        assert find(os.getpid(), working_directory=tmp_path) is None

    def test_a_process_that_has_ended_is_not_found(self, start: Callable[[str], ServerProcess], tmp_path: Path) -> None:
        process = start("")
        process.wait(timeout_seconds=20)
        assert find(process.pid, working_directory=tmp_path) is None
        assert find_by_start(process.pid, created_at=0) is None

    def test_the_start_time_tells_a_reused_number(self, start: Callable[[str], ServerProcess]) -> None:
        process = start(SLEEP)
        assert find_by_start(process.pid, created_at=process.created_at) is not None
        assert find_by_start(process.pid, created_at=process.created_at - 60) is None


class TestWaitFor:
    def test_it_gives_up_after_the_timeout(self) -> None:
        assert not wait_for(lambda: False, timeout_seconds=0.05)
