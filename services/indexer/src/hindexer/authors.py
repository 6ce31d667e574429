"""Writes the search documents of all that a user wrote, after something changed that all of them hold.

A chunk an event: the event is recorded again for what is left, so that no event takes long, changes by others come in
between, and a process that dies loses at most a chunk's work.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hcommon import outbox
from hcommon.db.engine import Database
from hcommon.events.moderation import ShadowBanChanged
from hcommon.search.document import read_batch
from hcommon.search.writer import SearchWriter
from sqlalchemy import Row, text

CHUNK: Final = 500
"""Annotations an event."""

MOST_CHUNKS: Final = 20
"""Events of this kind in one call."""

# Revisions are raised first: should the index be away for good, `h search check` finds what it has as stale.
_RAISE: Final = text("""
    WITH chunk AS (
        SELECT id FROM annotation
        WHERE user_id = :user_id AND NOT deleted AND (
            CAST(:after_id AS uuid) IS NULL
            OR (created, id) > (CAST(:after_created AS timestamptz), CAST(:after_id AS uuid))
        )
        ORDER BY created, id
        LIMIT :chunk
        FOR NO KEY UPDATE
    )
    UPDATE annotation SET revision = revision + 1 FROM chunk WHERE annotation.id = chunk.id
    RETURNING annotation.id, annotation.created
""")


@dataclass(frozen=True, slots=True)
class AuthorChunk:
    """The next annotations of a user; behind the one of `after_created` and `after_id`, if there was one."""

    user_id: int
    after_created: datetime | None
    after_id: UUID | None


def chunk_of(event: ShadowBanChanged) -> AuthorChunk:
    """Return what the event makes stale."""
    return AuthorChunk(user_id=event.user_id, after_created=event.after_created, after_id=event.after_id)


def write_chunks(database: Database, writer: SearchWriter, chunks: Sequence[AuthorChunk], *, now: datetime) -> int:
    """Write the documents of chunks, have the next ones written, and return how many there were.

    More than `MOST_CHUNKS` at once are put back: a call must end before the broker takes its events for lost.

    Raises:
        UnavailableError: PostgreSQL or the index is away; all of it can be done again.
    """
    written = 0
    following = list(chunks[MOST_CHUNKS:])
    for chunk in chunks[:MOST_CHUNKS]:
        rows = _raise_revisions(database, chunk)
        if not rows:
            continue
        with database.read() as connection:
            batch = read_batch(connection, [row.id for row in rows])
        writer.write(batch)
        written += len(rows)
        if len(rows) == CHUNK:
            created, last_id = max((row.created, row.id) for row in rows)
            following.append(replace(chunk, after_created=created, after_id=last_id))
    if following:
        with database.transaction() as session:
            for chunk in following:
                outbox.record(session, ShadowBanChanged(occurred_at=now, **asdict(chunk)))
    return written


def _raise_revisions(database: Database, chunk: AuthorChunk) -> Sequence[Row[Any]]:
    with database.transaction() as session:
        return session.execute(_RAISE, {**asdict(chunk), "chunk": CHUNK}).all()
