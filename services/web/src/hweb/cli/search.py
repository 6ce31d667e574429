"""`h search`: the search index as a whole."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from hcommon.errors import UnavailableError
from hcommon.ids import annotation_id_from_urlsafe, annotation_id_to_urlsafe
from hcommon.search import reindex as index
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.search.reindex import Difference, DifferenceKind, Progress

from hweb.cli.application import Tools, new_app, tools

app = new_app("The search index.")

SETTLE_SECONDS: Final = 2.0
"""How long the indexer is given for changes that were made while the index was compared."""


@app.callback()
def search() -> None:
    """The search index: it can be rebuilt from the database at any time, while everything runs."""


@app.command()
def reindex(
    after: Annotated[str, typer.Option(metavar="ID", help="Go on behind this annotation, after an interruption.")] = "",
) -> None:
    """Write every annotation's search document again, and remove those of deleted annotations."""
    start = annotation_id_from_urlsafe(after) if after else None
    with tools() as held, _bar() as bar:
        try:
            written = index.reindex(held.database, _writer(held), after=start, on_progress=bar.show)
        except (UnavailableError, KeyboardInterrupt):
            if bar.last_id:
                typer.echo(f"Interrupted. Go on with: h search reindex --after {bar.last_id}", err=True)
            raise
    typer.echo(f"Wrote {written} documents.")


@app.command()
def check() -> None:
    """Compare the index with the database; the exit status is 1 if they differ.

    What differs is looked at once more after two seconds, so that changes of the last moment don't count.
    """
    with tools() as held:
        differences = set(index.compare(held.database, _writer(held)))
        if differences:
            time.sleep(SETTLE_SECONDS)
            differences &= set(index.compare(held.database, _writer(held)))
    _report(differences)
    if differences:
        typer.echo("Repair it with: h search repair", err=True)
        raise typer.Exit(1)


@app.command()
def repair() -> None:
    """Write what is missing or stale in the index, and remove what should not be there."""
    with tools() as held:
        repaired = index.repair(held.database, _writer(held))
    typer.echo(f"Repaired {repaired} documents.")


def _writer(held: Tools) -> PostgreSQLWriter:
    return PostgreSQLWriter(held.database)


def _report(differences: set[Difference]) -> None:
    counts = Counter(difference.kind for difference in differences)
    for kind in DifferenceKind:
        typer.echo(f"{kind.value}: {counts[kind]}")


class _Bar:
    """A progress bar on stderr, which a terminal shows and a file does not.

    Attributes:
        last_id: The last annotation that was dealt with, as the API shows it; empty before the first.
    """

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - most commands draw nothing
        from rich.progress import Progress as RichProgress  # noqa: PLC0415 - likewise

        self.progress = RichProgress(console=Console(stderr=True), transient=True)
        self._task = self.progress.add_task("Indexing", total=None)
        self.last_id = ""

    def show(self, progress: Progress) -> None:
        """Move on."""
        self.last_id = annotation_id_to_urlsafe(progress.last_id)
        self.progress.update(self._task, completed=progress.done, total=progress.total)


@contextmanager
def _bar() -> Iterator[_Bar]:
    bar = _Bar()
    with bar.progress:
        yield bar
