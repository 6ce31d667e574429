"""`h search`: the search index as a whole."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

import typer
from hcommon.errors import UnavailableError
from hcommon.ids import annotation_id_from_urlsafe, annotation_id_to_urlsafe
from hcommon.metrics import Metrics
from hcommon.search import reindex as index
from hcommon.search.choice import search_index, search_writer
from hcommon.search.reindex import Difference, DifferenceKind, Progress
from hcommon.search.writer import SearchWriter

from hweb import metrics
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
    anew: Annotated[bool, typer.Option(help="Give up what an interrupted run did (Elasticsearch only).")] = False,
) -> None:
    """Write every annotation's search document again, and remove those of deleted annotations.

    In Elasticsearch that builds a new index, which takes the place of the old one when it is complete; a run that was
    interrupted, or killed, is gone on with.
    """
    start = annotation_id_from_urlsafe(after) if after else None
    began = time.perf_counter()
    with tools() as held, _bar() as bar:
        try:
            written = _reindex(held, start, bar.show, anew=anew)
        except (UnavailableError, KeyboardInterrupt):
            if bar.last_id:
                typer.echo(f"Interrupted. Go on with: h search reindex --after {bar.last_id}", err=True)
            raise
        _report_run(held, written, seconds=time.perf_counter() - began)
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


@app.command()
def restore() -> None:
    """Go back to the index that was searched before the last reindex (Elasticsearch only)."""
    with tools() as held:
        indices = search_index(held.settings)
        if indices is None:
            typer.echo("PostgreSQL searches here, and has one index only.", err=True)
            raise typer.Exit(1)
        repaired = indices.restore_previous(held.database)
        typer.echo(f"Searching {indices.live()} again, after {repaired} repairs.")


def _reindex(held: Tools, after: UUID | None, on_progress: Callable[[Progress], None], *, anew: bool) -> int:
    indices = search_index(held.settings)
    if indices is None:
        return index.reindex(held.database, _writer(held), after=after, on_progress=on_progress)
    return indices.rebuild(held.database, after=after, begins_anew=anew, on_progress=on_progress)


def _writer(held: Tools) -> SearchWriter:
    return search_writer(held.settings, database=held.database)


def _report_run(held: Tools, written: int, *, seconds: float) -> None:
    settings = held.settings
    sent = Metrics(host=settings.statsd_host, port=settings.statsd_port, prefix=settings.statsd_prefix)
    sent.count(metrics.REINDEX_DOCUMENTS, written)
    sent.timing(metrics.REINDEX_DURATION, seconds * 1000)
    sent.close()


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
