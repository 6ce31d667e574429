"""Commands against the system that is running."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hstandalone import lock
from hstandalone.attach import run_attached
from hstandalone.errors import StandaloneError
from hstandalone.services import command


class TestRunAttached:
    def test_an_unknown_command_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StandaloneError, match="no command no-such-command"):
            run_attached(["no-such-command"], data_dir=tmp_path, inherited={})

    def test_nothing_runs(self, tmp_path: Path) -> None:
        with pytest.raises(StandaloneError, match="make run"):
            run_attached(["python"], data_dir=tmp_path, inherited={})

    def test_it_has_not_got_that_far(self, tmp_path: Path) -> None:
        with lock.held(tmp_path / "lock", address="a"), pytest.raises(StandaloneError, match="still starting"):
            run_attached(["python"], data_dir=tmp_path, inherited={})

    def test_the_command_finds_the_running_systems_addresses(self, tmp_path: Path) -> None:
        (tmp_path / "environment.json").write_text(json.dumps({"DATABASE_URL": "postgresql:///here"}))
        with lock.held(tmp_path / "lock", address="a"):
            done = subprocess.run(
                [command("h-standalone"), "exec", "python", "-c", "import os; print(os.environ['DATABASE_URL'])"],
                env={"PATH": os.defpath, "H_DATA": str(tmp_path), "DATABASE_URL": "postgresql:///elsewhere"},
                capture_output=True,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stdout, done.stderr) == (0, "postgresql:///here\n", "")
