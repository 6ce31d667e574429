"""Log files of the processes we start: rotated when we start, quoted when one of them fails."""

from pathlib import Path

_TAIL_BYTES = 64_000
_ROTATE_AT_BYTES = 10_000_000
_KEEP = 3


def tail(path: Path, *, after_byte: int = 0, lines: int = 20) -> str:
    """Return the last lines of a log, nothing from before `after_byte`; empty when there is none."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(after_byte if after_byte <= size else 0, size - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def size(path: Path) -> int:
    """Return the size in bytes, 0 when there is no such file: where the next start begins to write."""
    return path.stat().st_size if path.exists() else 0


def rotate(path: Path) -> None:
    """Move a log of more than 10 MB aside as `.1`, older ones to `.2` and `.3`; the oldest goes."""
    if size(path) < _ROTATE_AT_BYTES:
        return
    for number in range(_KEEP, 1, -1):
        older = path.with_name(f"{path.name}.{number - 1}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number}"))
    path.replace(path.with_name(f"{path.name}.1"))
