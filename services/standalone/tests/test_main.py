"""The command `h-standalone`: every expected failure is a message, never a traceback."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hstandalone import lock
from hstandalone.main import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command; return its exit status and all that it printed."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def start(*arguments: str, **environment: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["h-standalone", *arguments])
        monkeypatch.setenv("COLUMNS", "500")
        for name, value in ({"H_DATA": str(tmp_path / "var")} | environment).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ending:
            main()
        assert isinstance(ending.value.code, int)
        return ending.value.code, "".join(capsys.readouterr())

    yield start
    for number, handler in before.items():
        signal.signal(number, handler)


class TestMain:
    def test_a_port_in_use_is_explained(self, run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            status, shown = run(PORT=str(port))
        assert status == 1
        assert f"Port {port} is taken by process {os.getpid()}" in shown
        assert "make run PORT=" in shown

    def test_a_running_one_is_named(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "var").mkdir()
        with lock.held(tmp_path / "var" / "lock", address="http://localhost:5123"):
            status, shown = run()
        assert status == 1
        assert "h is already running at http://localhost:5123" in shown

    def test_wrong_settings_are_explained(self, run: Run) -> None:
        status, shown = run(PORT="http")
        assert status == 78
        assert "PORT" in shown

    def test_a_directory_that_cannot_be_written_is_explained(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "var").write_text("a file")
        status, shown = run()
        assert status == 1
        assert "Nothing can be written to" in shown

    def test_an_unknown_argument_gets_the_usage(self, run: Run) -> None:
        status, shown = run("dance")
        assert status == 2
        assert shown.startswith("usage: ")

    def test_a_command_needs_a_running_system(self, run: Run) -> None:
        status, shown = run("exec", "h", "user", "list")
        assert status == 1
        assert "There is no command" in shown or "Start it with: make run" in shown
