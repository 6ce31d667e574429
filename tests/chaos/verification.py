"""Compares what was acknowledged with what PostgreSQL, search, mails and sockets have."""

import json
import time
from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tests.chaos.record import GONE, Note, Record
from tests.e2e.infra import people
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until
from tests.e2e.infra.writing import found_or_nothing
from tests.faults.listeners import Listener

SETTLE_SECONDS: Final = 300.0
"""How long after the last write everything that follows from the writes may take.

The longest is RabbitMQ's finding out that a consumer is gone that was cut off, which has events in hand.
"""

_NOTES = """
    SELECT coalesce(json_agg(json_build_object('id', id, 'text', text, 'deleted', deleted,
        'reply', "references" <> '{{}}', 'hidden', coalesce(moderation_status, '') = 'SPAM')), '[]')
    FROM annotation WHERE '{tag}' = ANY(tags)
"""
_FLAGS = """
    SELECT coalesce(json_agg(f.annotation_id), '[]')
    FROM flag f JOIN annotation a ON a.id = f.annotation_id WHERE '{tag}' = ANY(a.tags)
"""
_FLAG_EVENTS = """
    SELECT coalesce(json_agg(o.event_id), '[]') FROM outbox o JOIN annotation a
    ON a.id::text = o.payload->>'annotation_id' WHERE o.type = 'annotation.flagged' AND '{tag}' = ANY(a.tags)
"""
_MEMBERS = """
    SELECT coalesce(json_agg(g.pubid || ' ' || u.username), '[]')
    FROM group_membership m JOIN "group" g ON g.id = m.group_id JOIN "user" u ON u.id = m.user_id
    WHERE g.name LIKE '{tag} %'
"""
_EVENTLESS = """
    SELECT count(*) FROM annotation a WHERE '{tag}' = ANY(a.tags) AND NOT EXISTS (
        SELECT FROM outbox o WHERE o.type = 'annotation.created' AND o.payload->>'annotation_id' = a.id::text)
"""
_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_BURIED = "SELECT coalesce(json_agg(json_build_array(type, consumer, error)), '[]') FROM dead_letter"


@dataclass(frozen=True)
class Stored:
    """An annotation as PostgreSQL has it."""

    id: str
    text: str | None
    is_reply: bool
    hidden: bool


def stored_of(stack: Stack, record: Record) -> dict[str, Stored]:
    """Return every annotation of a storm that PostgreSQL has, by id; the text of a deleted one is `GONE`."""
    return {
        (shown := _shown(row["id"])): Stored(
            shown, GONE if row["deleted"] else row["text"], row["reply"], row["hidden"]
        )
        for row in _ask(stack, _NOTES, record)
    }


def lost_of(stack: Stack, record: Record) -> list[str]:
    """Return what PostgreSQL has not, although it was acknowledged, or has otherwise."""
    stored = stored_of(stack, record)
    lost = [f"{note.id} is missing" for note in record.notes.values() if note.id not in stored]
    for note in record.notes.values():
        if (row := stored.get(note.id)) is not None:
            lost += [f"{note} is {row}"] if row.text not in note.states else []
            lost += [f"{note} is {row}"] if row.text is not GONE and row.hidden not in note.hidden else []
    flagged = {_shown(found) for found in _ask(stack, _FLAGS, record)}
    lost += [f"the report of {note}" for note, certain in record.flags.items() if certain and note not in flagged]
    members = set(_ask(stack, _MEMBERS, record))
    lost += [
        f"{name} in {group}"
        for (group, name), certain in record.members.items()
        if certain and f"{group} {name}" not in members
    ]
    return lost


def invented_of(stack: Stack, record: Record) -> list[str]:
    """Return what PostgreSQL has although nobody asked for it, has twice, or has half of."""
    stored = stored_of(stack, record)
    extra = [row for row in stored.values() if row.id not in record.notes]
    texts = Counter(row.text for row in extra if row.text is not GONE)
    odd = [f"{row}" for row in extra if row.text not in record.texts_of_unknown]
    odd += [f"{text} is there {count} times" for text, count in texts.items() if count > 1]
    flagged = {_shown(found) for found in _ask(stack, _FLAGS, record)}
    odd += [f"a report of {note}" for note in flagged - record.flags.keys()]
    eventless = int(stack.sql(_EVENTLESS.format(tag=record.tag)))
    odd += [f"{eventless} annotations without an event"] if eventless else []
    return odd


def await_index(stack: Stack, record: Record, *, reader: people.Api) -> None:
    """Wait until the search finds exactly what is there, and the index has the state of every row."""
    wait_until(lambda: stack.sql(_WAITING) == "0", seconds=SETTLE_SECONDS, what="the outbox is empty")
    there = {row.id for row in stored_of(stack, record).values() if row.text is not GONE}
    wait_until(
        lambda: set(found_or_nothing(reader, record.tag)) == there, seconds=SETTLE_SECONDS, what="the index is equal"
    )
    wait_until(lambda: _is_equal(stack), seconds=SETTLE_SECONDS, what="h search check finds no difference")


def await_mails(stack: Stack, record: Record) -> tuple[int, Counter[str]]:
    """Wait until every mail that was due is there; return how many, and how often each came that came again."""
    due = {f"reply.{row.id}" for row in stored_of(stack, record).values() if row.is_reply and row.text is not GONE}
    due |= {f"flag.{event}" for event in _ask(stack, _FLAG_EVENTS, record)}
    wait_until(
        lambda: due <= mails(stack).keys(),
        seconds=SETTLE_SECONDS,
        what=f"{len(due)} mails; missing {sorted(due - mails(stack).keys())[:3]}",
    )
    return len(due), Counter({mail: count for mail, count in mails(stack).items() if mail in due and count > 1})


def mails(stack: Stack) -> Counter[str]:
    """Return how often each mail came, by the kind and the thing in its `Message-ID`: each has one recipient."""
    ids = [str(message["Message-ID"]).strip("<>").partition("@")[0] for message in list(stack.mail.messages)]
    return Counter(".".join(each.split(".")[:2]) for each in ids)


def unheard_of(listener: Listener, record: Record) -> list[Note]:
    """Return what a socket that stayed open did not hear of on its page."""
    texts, deleted = listener.texts(), listener.deleted()
    return [
        note
        for note in record.notes.values()
        if note.page == listener.page and note.owner != "owner" and len(note.states) == 1
        if (note.id not in deleted if note.states == {GONE} else texts.get(note.id) not in note.states)
    ]


def dead_letters(stack: Stack) -> list[Any]:
    """Return what was given up."""
    found: list[Any] = json.loads(stack.sql(_BURIED))
    return found


def _is_equal(stack: Stack) -> bool:
    try:
        stack.h("search", "check")
    except AssertionError:
        time.sleep(1)
        return False
    return True


def _ask(stack: Stack, statement: str, record: Record) -> list[Any]:
    found: list[Any] = json.loads(stack.sql(" ".join(statement.format(tag=record.tag).split())))
    return found


def _shown(value: str) -> str:
    """Return the id of an annotation as the API shows it."""
    return urlsafe_b64encode(UUID(value).bytes).decode().rstrip("=")
