"""The table that a run prints: fault, operations, lost, time to recover."""

from dataclasses import astuple, dataclass, fields
from pathlib import Path

PLACE = Path(__file__).parents[2] / "var" / "chaos.md"
"""Where the table of the last run is kept."""


@dataclass
class Row:
    """What one fault did.

    Attributes:
        fault: Its name.
        operations: Acknowledged while it happened, before and after.
        unknown: Without an answer or answered 5xx; they took effect once or not at all.
        lost: Acknowledged and not there.
        mails: Due, and come.
        twice: Mails that came twice.
        recover: Seconds from the end of the fault until a new reply is acknowledged, found, heard and mailed.
        settled: Seconds from the end of the storm until everything had followed: events, index, mails, sockets.
        outcome: `ok`, or what was wrong.
    """

    fault: str
    operations: int = 0
    unknown: int = 0
    lost: int | None = None
    mails: int | None = None
    twice: int | None = None
    slowest: float = 0.0
    recover: float | None = None
    settled: float | None = None
    outcome: str = ""


_HEADS = (
    "fault",
    "operations",
    "unknown",
    "lost",
    "mails",
    "twice",
    "slowest answer",
    "recovered in",
    "settled in",
    "",
)


def drawn(rows: list[Row]) -> str:
    """Return it as Markdown."""
    sums = Row("all", sum(row.operations for row in rows), sum(row.unknown for row in rows))
    sums.lost = sum(row.lost or 0 for row in rows)
    sums.mails = sum(row.mails or 0 for row in rows)
    sums.twice = sum(row.twice or 0 for row in rows)
    sums.slowest = max((row.slowest for row in rows), default=0.0)
    cells = [_HEADS, ("---",) * len(fields(Row)), *([*map(_shown, astuple(row))] for row in (*rows, sums))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    )


def keep(rows: list[Row]) -> None:
    """Write it to its place."""
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(drawn(rows) + "\n", encoding="utf-8")


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:.1f} s"
        case _:
            return str(value).replace("|", "/")
