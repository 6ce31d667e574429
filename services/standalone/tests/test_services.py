"""The table of services, and one of them as a process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hstandalone.processes import wait_for
from hstandalone.services import Service, ServiceSpec, command, service_table


class TestServiceTable:
    def test_these_commands_are_run(self) -> None:
        table = service_table(port=5000, websocket_port=5001)
        argv = {spec.name: (Path(spec.argv[0]).name, *spec.argv[1:]) for spec in table}
        assert argv == {
            "web": ("h-web",),
            "websocket": ("h-websocket",),
            "indexer": ("h-indexer",),
            "worker": ("h-worker", "all"),
        }

    def test_they_are_of_our_own_environment(self) -> None:
        assert Path(command("h")).parent == Path(sys.executable).parent

    def test_the_pages_and_the_socket_are_waited_for(self) -> None:
        urls = [spec.ready_url for spec in service_table(port=7, websocket_port=8)]
        assert urls == ["http://127.0.0.1:7/readyz", "http://127.0.0.1:8/_status", None, None]


class TestService:
    @pytest.fixture
    def make(
        self, program: Callable[[str], list[str]], environment: dict[str, str], tmp_path: Path
    ) -> Callable[[str], Service]:
        return lambda text: Service(
            ServiceSpec(name="web", argv=tuple(program(text))), env=environment, log_dir=tmp_path
        )

    def test_last_words_are_those_since_the_last_start(self, make: Callable[[str], Service], tmp_path: Path) -> None:
        (tmp_path / "web.log").write_text("of an earlier run\n")
        web = make("print('of this one')\n")
        assert web.exit_code() is None
        web.start()
        assert wait_for(lambda: not web.is_running(), timeout_seconds=20)
        assert web.exit_code() == 0
        assert web.last_words() == "of this one"

    def test_starting_it_again_ends_what_the_last_one_left(
        self, make: Callable[[str], Service], tmp_path: Path, ended: Callable[[int], bool]
    ) -> None:
        web = make(
            "import subprocess, sys\n"
            "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "print(worker.pid, flush=True)\n"
        )
        web.start()
        assert wait_for(lambda: not web.is_running(), timeout_seconds=20)
        worker = int(web.last_words())
        assert not ended(worker)
        web.start()
        assert wait_for(lambda: ended(worker), timeout_seconds=10)
        web.stop()

    def test_stopping_one_that_never_started_does_nothing(self, make: Callable[[str], Service]) -> None:
        make("").stop()
