"""A disk that runs full while everything runs."""

import io
from pathlib import Path

from hstandalone.diskwatch import DiskWatch
from hstandalone.screen import Screen

MORE_THAN_ANY_DISK = 10**18


class TestDiskWatch:
    def test_room_is_not_worth_a_word(self, tmp_path: Path, screen: Screen, output: io.StringIO) -> None:
        DiskWatch([tmp_path], screen=screen, full_bytes=1).look()
        assert output.getvalue() == ""

    def test_a_full_disk_is_named_once(self, tmp_path: Path, screen: Screen, output: io.StringIO) -> None:
        watch = DiskWatch([tmp_path], screen=screen, full_bytes=MORE_THAN_ANY_DISK, room_bytes=MORE_THAN_ANY_DISK)
        watch.look()
        watch.look()
        assert output.getvalue().count(f"The disk of {tmp_path} is full.") == 1

    def test_room_after_that_is_said_too(self, tmp_path: Path, screen: Screen, output: io.StringIO) -> None:
        watch = DiskWatch([tmp_path], screen=screen, full_bytes=MORE_THAN_ANY_DISK, room_bytes=1)
        watch.look()
        watch.look()
        assert f"There is room again on the disk of {tmp_path}." in output.getvalue()

    def test_a_directory_that_is_gone_is_not_its_business(
        self, tmp_path: Path, screen: Screen, output: io.StringIO
    ) -> None:
        DiskWatch([tmp_path / "gone"], screen=screen).look()
        assert output.getvalue() == ""
