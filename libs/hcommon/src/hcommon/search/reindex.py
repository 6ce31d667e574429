"""Builds the search index anew, finds what differs from PostgreSQL, and repairs it, while writes go on.

Revisions make that safe: what the indexer wrote meanwhile is newer and stays. Ids are walked in their order, so that
memory and transactions stay small, and a run that was interrupted goes on from the last id that it reported.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from hcommon.db.engine import Database
from hcommon.models import Annotation
from hcommon.search.document import read_batch
from hcommon.search.writer import SearchWriter

BATCH_SIZE: Final = 500
COMPARED_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a walk has come.

    Attributes:
        done: Annotations dealt with.
        total: Annotations that there were at the start, those up to `after` left out.
        last_id: The last one that was dealt with: the `after` of a run that goes on from here.
    """

    done: int
    total: int
    last_id: UUID


class DifferenceKind(StrEnum):
    """How the index differs from PostgreSQL: nothing there, an older revision, or something that should not be."""

    MISSING = "missing"
    STALE = "stale"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True)
class Difference:
    """One annotation of which the index is wrong."""

    id: UUID
    kind: DifferenceKind


def reindex(
    database: Database,
    writer: SearchWriter,
    *,
    after: UUID | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> int:
    """Write the document of every annotation again, and remove those that should not be there.

    Args:
        database: Where the annotations are.
        writer: The index.
        after: The last id of a run that was interrupted; None for all.
        on_progress: Called after every batch.

    Returns:
        The number of documents written.

    Raises:
        UnavailableError: PostgreSQL or the index is away; what was written stays.
    """
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(Annotation).where(*_living(after))).scalar_one()
    done = 0
    while True:
        with database.read() as connection:
            page = select(Annotation.id).where(*_living(after)).order_by(Annotation.id).limit(BATCH_SIZE)
            ids = connection.execute(page).scalars().all()
        if not ids:
            return done + repair(database, writer)
        _write(database, writer, ids)
        done += len(ids)
        after = ids[-1]
        if on_progress:
            on_progress(Progress(done=done, total=max(total, done), last_id=after))


def compare(database: Database, writer: SearchWriter, *, at_once: int = COMPARED_AT_ONCE) -> Iterator[Difference]:
    """Find, in the order of ids, what the index lacks or has too much.

    A change of the last moment, which the indexer has not seen yet, is a difference too.

    Args:
        database: Where the annotations are.
        writer: The index.
        at_once: Annotations whose revisions are held in memory.

    Raises:
        UnavailableError: PostgreSQL or the index is away.
    """
    after: UUID | None = None
    while True:
        page = select(Annotation.id, Annotation.revision).where(*_living(after)).order_by(Annotation.id)
        with database.read() as connection:
            wanted = {row.id: row.revision for row in connection.execute(page.limit(at_once))}
        upto = max(wanted) if len(wanted) == at_once else None
        found = writer.revisions(after=after, upto=upto)
        for annotation_id in sorted(wanted.keys() | found.keys()):
            if annotation_id not in wanted:
                yield Difference(annotation_id, DifferenceKind.ORPHANED)
            elif annotation_id not in found:
                yield Difference(annotation_id, DifferenceKind.MISSING)
            elif found[annotation_id] < wanted[annotation_id]:
                yield Difference(annotation_id, DifferenceKind.STALE)
        if upto is None:
            return
        after = upto


def repair(database: Database, writer: SearchWriter) -> int:
    """Write what the index lacks, remove what it has too much, and return how many annotations that were.

    Raises:
        UnavailableError: PostgreSQL or the index is away; what was repaired stays so.
    """
    repaired = 0
    ids: list[UUID] = []
    for difference in compare(database, writer):
        ids.append(difference.id)
        if len(ids) == BATCH_SIZE:
            _write(database, writer, ids)
            repaired += len(ids)
            ids = []
    if ids:
        _write(database, writer, ids)
    return repaired + len(ids)


def _living(after: UUID | None) -> list[ColumnElement[bool]]:
    living: list[ColumnElement[bool]] = [Annotation.deleted.is_(False)]
    return living if after is None else [*living, Annotation.id > after]


def _write(database: Database, writer: SearchWriter, ids: Sequence[UUID]) -> None:
    with database.read() as connection:
        batch = read_batch(connection, ids)
    writer.write(batch)
