"""Builds the search index anew, finds what differs from PostgreSQL, and repairs it, while writes go on.

Revisions make that safe: what the indexer wrote meanwhile is newer and stays. Ids are walked in their order, so that
memory and transactions stay small, and a run that was interrupted goes on from the last id that it reported.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from hcommon.db.engine import Database
from hcommon.errors import ErrorKind, HError
from hcommon.models import Annotation
from hcommon.search.document import read_batch
from hcommon.search.writer import SearchWriter

BATCH_SIZE: Final = 500
WRITES_AT_ONCE: Final = 2
"""Batches that are written while the next one is read."""

COMPARED_AT_ONCE: Final = 10_000


class IndexIncompleteError(HError):
    """What was written to the index is not in it: a bug, or an index that loses documents."""

    kind = ErrorKind.CONFLICT


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


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found among some annotations.

    Attributes:
        number: How many annotations there are in PostgreSQL.
        upto: The last of them; None when there are no more.
    """

    differences: tuple[Difference, ...]
    number: int
    upto: UUID | None


def reindex(
    database: Database,
    writer: SearchWriter,
    *,
    after: UUID | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> int:
    """Write the document of every annotation again, remove those that should not be there, and make sure of both.

    While some batches are written the next one is read.

    Args:
        database: Where the annotations are.
        writer: The index.
        after: The last id of a run that was interrupted; None for all.
        on_progress: Called after every batch, when it and all before it are written.

    Returns:
        The number of documents written.

    Raises:
        IndexIncompleteError: Something is not in the index although it was written.
        UnavailableError: PostgreSQL or the index is away; what was written stays.
    """
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(Annotation).where(*_living(after))).scalar_one()
    done = 0
    pending: deque[tuple[Future[None], Progress]] = deque()

    def finish_first() -> None:
        written, progress = pending.popleft()
        written.result()
        if on_progress:
            on_progress(progress)

    with ThreadPoolExecutor(WRITES_AT_ONCE, thread_name_prefix="index") as pool:
        while ids := _next_ids(database, after):
            with database.read() as connection:
                batch = read_batch(connection, ids)
            if len(pending) == WRITES_AT_ONCE:
                finish_first()
            done += len(ids)
            after = ids[-1]
            progress = Progress(done=done, total=max(total, done), last_id=after)
            pending.append((pool.submit(writer.write, batch), progress))
        while pending:
            finish_first()
    return done + settle(database, writer)


def settle(database: Database, writer: SearchWriter) -> int:
    """Repair the index, make sure that nothing is wrong twice, and return how many annotations were repaired.

    Raises:
        IndexIncompleteError: Something is not in the index although it was written.
        UnavailableError: PostgreSQL or the index is away; what was repaired stays so.
    """
    repaired = repair(database, writer)
    left = set(compare(database, writer))  # as a rule changes of this moment, which the indexer knows of too
    if left:
        repaired += repair(database, writer)
        left &= set(compare(database, writer))
    if left:
        raise IndexIncompleteError(f"The search index is wrong about {len(left)} annotations that were written to it.")
    return repaired


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
        found = compare_some(database, writer, after=after, at_once=at_once)
        yield from found.differences
        after = found.upto
        if after is None:
            return


def compare_some(
    database: Database, writer: SearchWriter, *, after: UUID | None, at_once: int = COMPARED_AT_ONCE
) -> Compared:
    """Compare the next annotations with the index.

    Args:
        database: Where the annotations are.
        writer: The index.
        after: Those behind this one; None for the first.
        at_once: How many annotations.

    Raises:
        UnavailableError: PostgreSQL or the index is away.
    """
    page = select(Annotation.id, Annotation.revision).where(*_living(after)).order_by(Annotation.id)
    with database.read() as connection:
        wanted = {row.id: row.revision for row in connection.execute(page.limit(at_once))}
    upto = max(wanted) if len(wanted) == at_once else None
    found = writer.revisions(after=after, upto=upto)
    differences = []
    for annotation_id in sorted(wanted.keys() | found.keys()):
        if annotation_id not in wanted:
            differences.append(Difference(annotation_id, DifferenceKind.ORPHANED))
        elif annotation_id not in found:
            differences.append(Difference(annotation_id, DifferenceKind.MISSING))
        elif found[annotation_id] < wanted[annotation_id]:
            differences.append(Difference(annotation_id, DifferenceKind.STALE))
    return Compared(differences=tuple(differences), number=len(wanted), upto=upto)


def repair(database: Database, writer: SearchWriter) -> int:
    """Write what the index lacks, remove what it has too much, and return how many annotations that were.

    Raises:
        UnavailableError: PostgreSQL or the index is away; what was repaired stays so.
    """
    return write_anew(database, writer, (difference.id for difference in compare(database, writer)))


def write_anew(database: Database, writer: SearchWriter, ids: Iterable[UUID]) -> int:
    """Bring some annotations up to date in the index, and return how many those were.

    Raises:
        UnavailableError: PostgreSQL or the index is away; what was written stays so.
    """
    left, written = iter(ids), 0
    while some := list(islice(left, BATCH_SIZE)):
        _write(database, writer, some)
        written += len(some)
    return written


def _next_ids(database: Database, after: UUID | None) -> Sequence[UUID]:
    page = select(Annotation.id).where(*_living(after)).order_by(Annotation.id).limit(BATCH_SIZE)
    with database.read() as connection:
        return connection.execute(page).scalars().all()


def _living(after: UUID | None) -> list[ColumnElement[bool]]:
    living: list[ColumnElement[bool]] = [Annotation.deleted.is_(False)]
    return living if after is None else [*living, Annotation.id > after]


def _write(database: Database, writer: SearchWriter, ids: Sequence[UUID]) -> None:
    with database.read() as connection:
        batch = read_batch(connection, ids)
    writer.write(batch)
