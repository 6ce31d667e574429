"""The Makefile and the bootstrap script, as far as they need no network."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hstandalone.settings import CHECKOUT

Script = Callable[..., subprocess.CompletedProcess[str]]


class TestHelp:
    def test_every_target_is_listed_with_a_line(self) -> None:
        phony = {
            name
            for line in (CHECKOUT / "Makefile").read_text().splitlines()
            if line.startswith(".PHONY:")
            for name in line.split()[1:]
        }
        done = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        listed = dict(re.findall(r"^  make (\S+) +(.+)$", done.stdout, flags=re.MULTILINE))
        assert {"help", "run", "venv", "cli"} <= phony
        assert set(listed) == phony


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what the bootstrap script reads."""
    root = tmp_path / "checkout"
    for name in ("tools/bootstrap.sh", "services/standalone/pyproject.toml", "libs/hcommon/pyproject.toml"):
        (root / name).parent.mkdir(parents=True)
        shutil.copy(CHECKOUT / name, root / name)
    (root / "requirements").mkdir()
    (root / "requirements" / "all.lock").write_text("uv==1.0 \\\n    --hash=sha256:0\n")
    return root


@pytest.fixture
def script(checkout: Path, tmp_path: Path) -> Script:
    """Run the script with only those commands on the PATH that the test makes, and the usual small ones."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("sh", "cat", "cksum", "cut", "dirname", "id", "mv", "rm", "sed", "tr"):
        (bin_dir / name).symlink_to(shutil.which(name) or name)

    def run(kind: str = "run", **commands: str) -> subprocess.CompletedProcess[str]:
        for name, text in commands.items():
            path = bin_dir / name.replace("_", "-")
            path.unlink(missing_ok=True)
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        return subprocess.run(
            ["tools/bootstrap.sh", kind],
            cwd=checkout,
            env={"PATH": str(bin_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=30,
        )

    return run


# In place of an interpreter: 3.13, which imports everything but what is named.
PYTHON = 'case "$*" in *sys.version_info*\\<*) exit 0 ;; *print*) echo 3.13 ;; *{lacks}*) exit 1 ;; *) exit 0 ;; esac'


class TestBootstrap:
    def test_without_python_it_says_which_is_needed(self, script: Script) -> None:
        done = script()
        assert done.returncode == 1
        assert "Python 3.11 or newer is needed" in done.stdout

    def test_an_old_python_will_not_do(self, script: Script) -> None:
        done = script(python3="exit 1")
        assert done.returncode == 1
        assert "python3 is older or not there" in done.stdout

    def test_debians_bare_python_asks_for_one_line_to_type(self, script: Script) -> None:
        done = script(python3=PYTHON.format(lacks="ensurepip"), apt_get="exit 1", id="echo 1000")
        assert done.returncode == 1
        assert "sudo apt-get install python3-venv\n" in done.stdout

    def test_another_version_has_a_package_of_its_own(self, script: Script) -> None:
        done = script(python3="exit 1", **{"python3.13": PYTHON.format(lacks="ensurepip")}, apt_get=":", id="echo 1000")
        assert "sudo apt-get install python3.13-venv\n" in done.stdout

    def test_root_gets_it_installed(self, script: Script, tmp_path: Path) -> None:
        python = f"[ -f {tmp_path}/installed ] || {PYTHON.format(lacks='ensurepip')}"
        done = script(
            python3=f'case "$*" in *-m\\ venv*) echo making; exit 9 ;; esac\n{python}',
            apt_get=f'case "$*" in *install*python3-venv) echo >{tmp_path}/installed ;; esac',
            id="echo 0",
        )
        assert "Installing python3-venv" in done.stdout
        assert "making" in done.stdout

    def test_a_python_that_can_make_environments_is_preferred(self, script: Script) -> None:
        done = script(
            python3=PYTHON.format(lacks="ensurepip"),
            **{"python3.12": 'case "$*" in *-m\\ venv*) echo making; exit 9 ;; *print*) echo 3.12 ;; esac'},
        )
        assert "bin/python3.12 (3.12)" in done.stdout

    def test_nothing_is_done_twice(self, script: Script, checkout: Path) -> None:
        (checkout / ".venv" / "bin").mkdir(parents=True)
        (checkout / ".venv" / "lib" / "python3.13").mkdir(parents=True)
        for name, text in (("python", PYTHON.format(lacks="nothing")), ("uv", 'echo "uv 1.0 $*"'), ("pytest", "exit")):
            (checkout / ".venv" / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (checkout / ".venv" / "bin" / name).chmod(0o755)
        first = script("dev")
        assert first.returncode == 0, first.stdout
        assert "Installing the packages" in first.stdout
        assert script("dev").stdout == ""
        assert script("run").stdout == "", "a development environment serves the embedded mode too"
        with (checkout / "requirements" / "all.lock").open("a") as lock:
            lock.write("new==1\n")
        assert "Installing the packages" in script("run").stdout

    def test_an_unknown_kind_is_refused(self, script: Script) -> None:
        done = script("dance")
        assert done.returncode == 1
        assert "usage" in done.stdout

    @pytest.mark.skipif(not Path("/usr/bin/dash").exists(), reason="no strict POSIX shell here")
    def test_it_is_plain_posix_shell(self, checkout: Path) -> None:
        subprocess.run(
            ["/usr/bin/dash", "-n", "tools/bootstrap.sh"], cwd=checkout, check=True, env={"PATH": os.defpath}
        )
