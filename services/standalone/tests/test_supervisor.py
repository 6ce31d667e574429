"""What dies is started again; in the end all is stopped."""

import io
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hstandalone.errors import StandaloneError
from hstandalone.processes import wait_for
from hstandalone.screen import Screen
from hstandalone.services import Service, ServiceSpec
from hstandalone.supervisor import Supervisor, Unit

SLEEP = "import time\ntime.sleep(600)\n"


class Time:
    """Monotonic time that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def service(
    program: Callable[[str], list[str]], environment: dict[str, str], tmp_path: Path
) -> Callable[[str, str], Service]:
    def make(name: str, text: str) -> Service:
        return Service(ServiceSpec(name=name, argv=tuple(program(text))), env=environment, log_dir=tmp_path)

    return make


@pytest.fixture
def supervisor(screen: Screen, time: Time) -> Supervisor:
    return Supervisor(screen=screen, monotonic=time)


def kill(service: Service) -> None:
    assert service.process is not None
    os.kill(service.process.pid, signal.SIGKILL)
    assert wait_for(lambda: not service.is_running(), timeout_seconds=10)


class TestRestart:
    def test_a_service_that_was_killed_runs_again_after_a_second(
        self, supervisor: Supervisor, service: Callable[[str, str], Service], time: Time, output: io.StringIO
    ) -> None:
        web = service("web", SLEEP)
        supervisor.start(web)
        kill(web)
        supervisor.tick()
        assert not web.is_running()
        assert "web was ended by SIGKILL; starting it again in 1 s." in output.getvalue()
        time.seconds += 0.9
        supervisor.tick()
        assert not web.is_running()
        time.seconds += 0.1
        supervisor.tick()
        assert web.is_running()
        supervisor.stop()

    def test_waits_grow_to_half_a_minute_and_the_reason_is_shown_once(
        self, supervisor: Supervisor, service: Callable[[str, str], Service], time: Time, output: io.StringIO
    ) -> None:
        broken = service("worker", "raise SystemExit('no such setting')\n")
        supervisor.start(broken)
        for _ in range(7):
            assert wait_for(lambda: not broken.is_running(), timeout_seconds=20)
            supervisor.tick()
            time.seconds += 30
            supervisor.tick()
        shown = output.getvalue()
        waits = [line.rpartition(" in ")[2] for line in shown.splitlines() if "again" in line]
        assert waits == ["1 s.", "2 s.", "4 s.", "8 s.", "16 s.", "30 s.", "30 s."]
        assert shown.count("no such setting") == 1
        supervisor.stop()

    def test_one_that_worked_for_a_while_is_started_eagerly_again(
        self, supervisor: Supervisor, service: Callable[[str, str], Service], time: Time, output: io.StringIO
    ) -> None:
        web = service("web", SLEEP)
        supervisor.start(web)
        for _ in range(2):
            kill(web)
            supervisor.tick()
            time.seconds += 60
            supervisor.tick()
            time.seconds += 60
        assert output.getvalue().count("in 1 s.") == 2
        supervisor.stop()

    def test_one_that_cannot_be_started_for_now_is_tried_again(
        self, supervisor: Supervisor, service: Callable[[str, str], Service], time: Time, output: io.StringIO,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        web = service("web", SLEEP)
        supervisor.start(web)
        log = tmp_path / "web.log"
        kill(web)
        supervisor.tick()
        log.unlink()
        log.mkdir()  # stands for whatever keeps a file from being written
        time.seconds += 1
        supervisor.tick()
        assert "web could not be started again; starting it again in 2 s." in output.getvalue()
        assert "Is a directory" in output.getvalue()
        log.rmdir()
        time.seconds += 2
        supervisor.tick()
        assert web.is_running()
        supervisor.stop()

    def test_a_first_start_that_fails_is_the_callers_business(
        self, supervisor: Supervisor, environment: dict[str, str], tmp_path: Path
    ) -> None:
        missing = Service(ServiceSpec(name="web", argv=(str(tmp_path / "no"),)), env=environment, log_dir=tmp_path)
        with pytest.raises(StandaloneError, match="web cannot be started"):
            supervisor.start(missing)
        supervisor.stop()

    def test_every_start_is_told(self, service: Callable[[str, str], Service], screen: Screen, time: Time) -> None:
        told: list[list[str]] = []

        def listen(units: Sequence[Unit]) -> None:
            told.append([unit.name for unit in units])

        supervisor = Supervisor(screen=screen, monotonic=time, on_start=listen)
        web, worker = service("web", SLEEP), service("worker", SLEEP)
        supervisor.start(web)
        supervisor.start(worker)
        kill(web)
        supervisor.tick()
        time.seconds += 1
        supervisor.tick()
        assert told == [["web"], ["web", "worker"], ["web", "worker"]]
        supervisor.stop()


class TestStop:
    def test_services_stop_in_order_and_servers_last(
        self, supervisor: Supervisor, service: Callable[[str, str], Service], tmp_path: Path
    ) -> None:
        text = (
            "import signal, sys, time\n"
            "def stop(*_):\n"
            f"    open({str(tmp_path / 'order')!r}, 'a').write('NAME ')\n"
            "    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop)\n"
            "print('ready', flush=True)\n"
            "time.sleep(600)\n"
        )
        names = ("database", "cache", "web", "worker")
        units = {name: service(name, text.replace("NAME", name)) for name in names}
        for unit in units.values():
            supervisor.start(unit)
        logs = [tmp_path / f"{name}.log" for name in names]
        assert wait_for(lambda: all("ready" in log.read_text() for log in logs), timeout_seconds=20)
        supervisor.stop(last=(units["cache"], units["database"]))
        assert (tmp_path / "order").read_text().split() == ["web", "worker", "cache", "database"]
        assert not any(unit.is_running() for unit in units.values())
