"""Compares what was acknowledged with what PostgreSQL, search, mails and sockets have."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg2
import psycopg2.extras
from hcommon.ids import annotation_id_to_urlsafe

from tests.faults.api import Api
from tests.faults.listeners import Listener
from tests.faults.mailserver import MailServer
from tests.faults.system import System, wait_until
from tests.faults.traffic import Note, Record

SETTLE_SECONDS: Final = 20.0
"""How long after the last write everything that follows from the writes may take."""

SAMPLE: Final = 5

_STORED = """
    SELECT id::text, text, target_uri AS page, deleted, "references" <> '{}' AS is_reply
    FROM annotation WHERE %s = ANY(tags)
"""
_WITHOUT_EVENT = """
    SELECT count(*) FROM annotation WHERE %s = ANY(tags) AND NOT EXISTS (
        SELECT FROM outbox WHERE type = 'annotation.created' AND payload->>'annotation_id' = annotation.id::text)
"""
_WITHOUT_ROW = """
    SELECT count(*) FROM outbox WHERE type = 'annotation.created' AND NOT EXISTS (
        SELECT FROM annotation WHERE annotation.id::text = payload->>'annotation_id')
"""
_WITHOUT_DOCUMENT = """
    SELECT count(*) FROM annotation WHERE NOT EXISTS (
        SELECT FROM document_uri WHERE document_uri.document_id = annotation.document_id)
"""
_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_STALE = """
    SELECT count(*) FROM annotation a FULL JOIN search_document s ON s.annotation_id = a.id
    WHERE (a.deleted AND s.annotation_id IS NOT NULL)
       OR (NOT a.deleted AND (s.annotation_id IS NULL OR s.revision < a.revision))
"""
_BURIED = "SELECT type, consumer, error FROM dead_letter"


@dataclass(frozen=True)
class Stored:
    """An annotation as PostgreSQL has it."""

    id: str
    text: str
    page: str
    is_reply: bool


class Books:
    """PostgreSQL, asked by hand."""

    def __init__(self, system: System) -> None:
        self._url = system.database_url

    def annotations(self, tag: str) -> dict[str, Stored]:
        """Return the living annotations of a run by id."""
        living = [row for row in self._rows(_STORED, tag) if not row["deleted"]]
        ids = [annotation_id_to_urlsafe(UUID(row["id"])) for row in living]
        return {
            each: Stored(each, row["text"], row["page"], row["is_reply"]) for each, row in zip(ids, living, strict=True)
        }

    def halves(self, tag: str) -> dict[str, int]:
        """Count what can only be there when half of a transaction was lost."""
        return {
            "annotations without an event": self._count(_WITHOUT_EVENT, tag),
            "events without an annotation": self._count(_WITHOUT_ROW),
            "annotations without a document": self._count(_WITHOUT_DOCUMENT),
        }

    def waiting(self) -> int:
        """Return how many events have not been published."""
        return self._count(_WAITING)

    def stale(self) -> int:
        """Return of how many annotations the index is not up to date."""
        return self._count(_STALE)

    def buried(self) -> list[Any]:
        """Return the dead letters."""
        return self._rows(_BURIED)

    def _count(self, statement: str, *values: Any) -> int:
        return int(self._rows(statement, *values)[0]["count"])

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with closing(psycopg2.connect(self._url)) as connection:
            connection.autocommit = True
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())


def check_rows(books: Books, record: Record) -> dict[str, Stored]:
    """Demand that PostgreSQL has what was acknowledged, and return what it has."""
    stored = books.annotations(record.tag)
    lost = [note for note in record.living if note.id not in stored]
    assert not lost, f"acknowledged and lost: {lost}"
    different = [(note, stored[note.id]) for note in record.living if stored[note.id].text != note.text]
    assert not different, f"not the acknowledged text: {different}"
    undead = [note for note in record.deleted if note.id in stored]
    assert not undead, f"deleted and still there: {undead}"
    invented = [row for row in stored.values() if record.asked.get(row.text) != row.page]
    assert not invented, f"nobody wrote this: {invented}"
    halves = books.halves(record.tag)
    assert not any(halves.values()), halves
    return stored


def check_consequences(
    system: System, books: Books, stored: dict[str, Stored], *, api: Api, mail: MailServer, duplicates: int = 0
) -> None:
    """Demand that within `SETTLE_SECONDS` everything has followed from the rows: events, index, mails.

    Args:
        system: Everything.
        books: Its PostgreSQL.
        stored: What is there.
        api: Somebody who searches.
        mail: Where mails arrive.
        duplicates: How many replies may have been mailed twice.
    """
    replies = {row.id for row in stored.values() if row.is_reply}
    wait_until(lambda: books.waiting() == 0, seconds=SETTLE_SECONDS, what="the outbox")
    wait_until(lambda: books.stale() == 0, seconds=SETTLE_SECONDS, what="the index")
    wait_until(lambda: replies <= mail.replies().keys(), seconds=SETTLE_SECONDS, what="the mails")
    counts = {reply: count for reply, count in mail.replies().items() if reply in replies}
    assert max(counts.values()) <= 2, counts
    assert sum(count - 1 for count in counts.values()) <= duplicates, counts
    assert books.waiting() == 0
    assert not books.buried()
    system.h("search", "check")
    for row in list(stored.values())[:: max(1, len(stored) // SAMPLE)]:
        assert [found["id"] for found in api.search(any=row.text)] == [row.id]


def check_listeners(listeners: Sequence[Listener], record: Record) -> None:
    """Demand that every socket that stayed open knows its page as it is."""
    wait_until(
        lambda: all(listener.closed.is_set() or not _unheard(listener, record) for listener in listeners),
        seconds=SETTLE_SECONDS,
        what="the sockets",
    )


def _unheard(listener: Listener, record: Record) -> list[Note]:
    texts, deleted = listener.texts(), listener.deleted()
    return [
        note
        for note in record.notes
        if note.page == listener.page and (note.id not in deleted if note.deleted else texts.get(note.id) != note.text)
    ]
