"""Writes the search documents of all that a user wrote, after something changed that all of them hold.

A chunk an event: the event is recorded again for what is left, so that no event takes long, changes by others come in
between, and a process that dies loses at most a chunk's work.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hcommon import outbox
from hcommon.db.engine import Database
from hcommon.events.moderation import ShadowBanChanged
from hcommon.search.document import read_batch
from hcommon.search.writer import SearchWriter
from sqlalchemy import text

CHUNK: Final = 500

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


def write_chunk(database: Database, writer: SearchWriter, chunk: AuthorChunk, *, now: datetime) -> int:
    """Write the documents of a chunk, have the next one written, and return how many there were.

    Raises:
        UnavailableError: PostgreSQL or the index is away; all of it can be done again.
    """
    with database.transaction() as session:
        parameters = {
            "user_id": chunk.user_id,
            "after_created": chunk.after_created,
            "after_id": chunk.after_id,
            "chunk": CHUNK,
        }
        rows = session.execute(_RAISE, parameters).all()
    if not rows:
        return 0
    with database.read() as connection:
        batch = read_batch(connection, [row.id for row in rows])
    writer.write(batch)
    if len(rows) == CHUNK:
        created, last_id = max((row.created, row.id) for row in rows)
        following = ShadowBanChanged(occurred_at=now, user_id=chunk.user_id, after_created=created, after_id=last_id)
        with database.transaction() as session:
            outbox.record(session, following)
    return len(rows)
