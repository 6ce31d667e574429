"""What the person at the terminal sees."""

import errno
import io
import re

from hstandalone.screen import Screen
from rich.console import Console


class TestScreen:
    def test_without_a_terminal_steps_are_silent(self, screen: Screen, output: io.StringIO) -> None:
        with screen.step("PostgreSQL"):
            pass
        assert output.getvalue() == ""

    def test_a_terminal_shows_each_step_with_its_time(self) -> None:
        output = io.StringIO()
        screen = Screen(Console(file=output, force_terminal=True, width=100, color_system=None))
        with screen.step("PostgreSQL"):
            pass
        assert re.search(r"✓ PostgreSQL \(\d+\.\d s\)", output.getvalue())

    def test_text_is_never_taken_for_markup_or_cut(self, screen: Screen, output: io.StringIO) -> None:
        text = "[bold]/path/[/bold] " + "x" * 300
        for show in (screen.say, screen.problem, screen.address, screen.quote):
            show(text)
        assert output.getvalue().count(text) == 4

    def test_a_full_disk_behind_it_disturbs_nobody(self) -> None:
        class FullDisk(io.StringIO):
            def write(self, text: str) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

        screen = Screen(Console(file=FullDisk()))
        for show in (screen.say, screen.problem, screen.address, screen.quote):
            show("Nobody reads this.")
