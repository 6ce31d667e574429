"""A disk that is full: what cannot be saved is refused, nothing that was saved is lost, and room is all it takes."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import people
from tests.faults.api import Api, NoAnswerError, body_of
from tests.faults.system import System, wait_until
from tests.faults.verification import Books

PAGE = "https://faults.example/full"
DISK_MEGABYTES = 320
"""A new database, and the room that a start demands."""


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of the test's own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    root = Path(tempfile.mkdtemp(prefix="h-faults-", dir="/var/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=0711", "none", str(root)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        root.rmdir()
        pytest.skip("this root may not mount anything")
    yield root
    subprocess.run(["umount", str(root)], check=True)
    root.rmdir()


@pytest.fixture
def system(small_disk: Path, tmp_path: Path) -> Iterator[System]:
    system = System(data=small_disk / "data", variables={}, output=tmp_path / "printed.txt")
    try:
        system.run()
        yield system
    finally:
        system.remove()


@pytest.fixture
def api(system: System) -> Iterator[Api]:
    token = people.enrol(system, "writer")
    with closing(Api(system.url, token=token)) as api:
        yield api


def write(api: Api, text: str) -> tuple[int, str]:
    """Try to annotate; return the status, 0 for none, and the id or the reason."""
    try:
        status, answer = api.request("POST", "/annotations", body_of(PAGE, text, ["full"]))
    except NoAnswerError as error:
        return 0, str(error)
    return status, str(answer.get("id") or answer.get("reason"))


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as ballast:
        try:
            while ballast.write(b"\0" * 65536):
                pass
        except OSError:
            pass


class TestFullDisk:
    def test_writes_are_refused_until_there_is_room(self, system: System, api: Api, small_disk: Path) -> None:
        saved = [api.create(uri=PAGE, text=f"Before {number}", tags=["full"]) for number in range(20)]
        fill(small_disk / "ballast")
        refused: list[str] = []
        while len(refused) < 20:
            status, outcome = write(api, f"While it is full {'x' * 3000}")
            if status == 200:
                saved.append(outcome)
            else:
                assert status == 503, outcome
                refused.append(outcome)
        assert shutil.disk_usage(small_disk).free < 1_000_000
        assert len(api.search(uri=PAGE, limit="200")) >= len(saved)
        wait_until(lambda: "is full" in system.printed, seconds=20.0, what="the supervisor's word")
        (small_disk / "ballast").unlink()
        wait_until(lambda: write(api, "Afterwards")[0] == 200, seconds=60.0, what="a write")
        books = Books(system)
        assert set(saved) <= books.annotations("full").keys()
        wait_until(lambda: books.waiting() == 0 and books.stale() == 0, seconds=60.0, what="the index")
        assert not books.buried()
