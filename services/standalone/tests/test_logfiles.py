"""Log files: the end is quoted, large ones are moved aside."""

from pathlib import Path

from hstandalone.logfiles import rotate, size, tail


class TestTail:
    def test_it_is_the_last_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("".join(f"line {number}\n" for number in range(100_000)))
        assert tail(path, lines=2) == "line 99998\nline 99999"

    def test_it_is_nothing_from_before_the_last_start(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("before\n")
        start = size(path)
        with path.open("a") as log:
            log.write("after\n")
        assert tail(path, after_byte=start) == "after"

    def test_a_file_that_became_shorter_is_read_from_its_beginning(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("short\n")
        assert tail(path, after_byte=1000) == "short"

    def test_bytes_that_are_no_text_do_no_harm(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"caf\xe9\n")
        assert tail(path) == "caf\N{REPLACEMENT CHARACTER}"

    def test_no_file_has_no_lines(self, tmp_path: Path) -> None:
        assert tail(tmp_path / "log") == ""
        assert size(tmp_path / "log") == 0


class TestRotate:
    def test_small_ones_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("x")
        rotate(path)
        rotate(tmp_path / "missing")
        assert [item.name for item in tmp_path.iterdir()] == ["log"]

    def test_three_old_ones_are_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        for number in range(5):
            path.write_bytes(bytes([65 + number]) * 10_000_000)
            rotate(path)
        kept = {item.name: item.read_bytes()[:1] for item in tmp_path.iterdir()}
        assert kept == {"log.1": b"E", "log.2": b"D", "log.3": b"C"}
