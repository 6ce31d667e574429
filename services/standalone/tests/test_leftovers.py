"""Services that outlived their supervisor."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hstandalone.leftovers import end_leftovers, remember
from hstandalone.processes import ServerProcess, spawn


@pytest.fixture
def sleeper(
    program: Callable[[str], list[str]], environment: dict[str, str], tmp_path: Path, reaped: list[ServerProcess]
) -> ServerProcess:
    process = spawn(program("import time\ntime.sleep(600)\n"), env=environment, log_path=tmp_path / "log")
    reaped.append(process)
    return process


class TestLeftovers:
    def test_what_still_runs_is_ended(self, sleeper: ServerProcess, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        remember(path, [sleeper])
        assert end_leftovers(path) == 1
        assert not sleeper.is_running()
        assert not path.exists()

    def test_what_has_ended_is_not_remembered(self, sleeper: ServerProcess, tmp_path: Path) -> None:
        sleeper.kill()
        remember(tmp_path / "run.json", [sleeper])
        assert end_leftovers(tmp_path / "run.json") == 0

    def test_another_program_with_the_same_number_is_left_alone(self, sleeper: ServerProcess, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        path.write_text(json.dumps({str(sleeper.pid): str(sleeper.created_at - 60)}))
        assert end_leftovers(path) == 0
        assert sleeper.is_running()

    @pytest.mark.parametrize("content", [None, "", "[]", "{"])
    def test_without_a_readable_list_there_is_nothing_to_do(self, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / "run.json").write_text(content)
        assert end_leftovers(tmp_path / "run.json") == 0
