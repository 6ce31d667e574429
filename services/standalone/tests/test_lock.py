"""One embedded system a data directory."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hstandalone import lock
from hstandalone.processes import ServerProcess, spawn, wait_for


class TestLock:
    def test_the_second_one_learns_the_address_of_the_first(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        with (
            lock.held(path, address="http://localhost:5123"),
            pytest.raises(lock.AlreadyRunningError, match=rf"http://localhost:5123 \(process {os.getpid()}\)"),
            lock.held(path, address="http://localhost:6000"),
        ):
            pytest.fail("two hold it")

    def test_one_that_has_not_said_its_address_yet_is_starting(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        with lock.held(path, address="http://localhost:5123"):
            path.write_text("")
            with pytest.raises(lock.AlreadyRunningError, match="already starting"), lock.held(path, address=""):
                pytest.fail("two hold it")

    def test_it_is_free_again_afterwards(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        assert not lock.is_held(path)
        with lock.held(path, address="a"):
            assert lock.is_held(path)
        assert not lock.is_held(path)
        with lock.held(path, address="b"):
            pass

    def test_the_kernel_frees_it_when_its_owner_is_killed(
        self,
        tmp_path: Path,
        program: Callable[[str], list[str]],
        environment: dict[str, str],
        reaped: list[ServerProcess],
    ) -> None:
        path = tmp_path / "lock"
        owner = spawn(
            program(
                "import pathlib, time\nfrom hstandalone import lock\n"
                f"with lock.held(pathlib.Path({str(path)!r}), address='a'):\n    time.sleep(600)\n"
            ),
            env=environment,
            log_path=tmp_path / "log",
        )
        reaped.append(owner)
        assert wait_for(lambda: lock.is_held(path), timeout_seconds=30)
        owner.kill()
        assert not lock.is_held(path)
