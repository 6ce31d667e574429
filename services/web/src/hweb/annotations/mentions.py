"""Mentions: links in an annotation's text that name a user.

The client writes them as `<a data-hyp-mention="" data-userid="acct:bob@example.org">@bob</a>`.
Source: specification of the API, section 7.3.
"""

import re
from datetime import datetime
from html import unescape
from typing import Final
from uuid import UUID

from hcommon.ids import InvalidUseridError, normalize_username, split_userid
from hcommon.presentation.mention import MARK
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

MOST_MENTIONS: Final = 25
"""People that one annotation can mention; those named behind them are not told."""

_OPENING_TAG: Final = re.compile(r"<a\s([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([^\s"'=<>/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")

_FORGET: Final = sql("DELETE FROM mention WHERE annotation_id = :annotation_id")

_RECORD: Final = sql("""
    INSERT INTO mention (annotation_id, user_id, username, created)
    SELECT annotation.id, found.id, found.username, :now
    FROM annotation
    JOIN "user" AS author ON author.id = annotation.user_id AND NOT author.nipsa
    JOIN "group" ON "group".id = annotation.group_id
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (person.id) person.id, named.username, named.position
        FROM unnest(CAST(:normalized AS text[]), CAST(:authorities AS text[]), CAST(:usernames AS text[]))
            WITH ORDINALITY AS named (normalized, authority, username, position)
        JOIN "user" AS person
            ON person.username_normalized = named.normalized AND person.authority = named.authority
        WHERE NOT person.deleted AND NOT person.nipsa AND (
            "group".pubid = '__world__' OR EXISTS (
                SELECT FROM group_membership AS membership
                WHERE membership.group_id = "group".id AND membership.user_id = person.id
            )
        )
        ORDER BY person.id, named.position
    ) AS found
    WHERE annotation.id = :annotation_id
    ORDER BY found.position
    ON CONFLICT DO NOTHING
""")


def mentioned_userids(text: str) -> list[str]:
    """Return the userids that a text mentions, each once, in order, at most `MOST_MENTIONS`."""
    if MARK not in text:
        return []
    userids: dict[str, None] = {}
    for tag in _OPENING_TAG.finditer(text):
        attributes = {
            match[1].lower(): unescape(match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(tag[1])
        }
        if MARK in attributes and attributes.get("data-userid"):
            userids.setdefault(attributes["data-userid"])
        if len(userids) == MOST_MENTIONS:
            break
    return list(userids)


def forget(session: Session, *, annotation_id: UUID) -> None:
    """Remove an annotation's mentions, before those of a new text are recorded."""
    session.execute(_FORGET, {"annotation_id": annotation_id})


def record(session: Session, *, annotation_id: UUID, text: str, now: datetime) -> None:
    """Record whom the text of an annotation mentions.

    A name that is nobody's counts for nothing, as does somebody outside the group; shadow-banned people neither
    mention nor are mentioned.

    Args:
        session: The caller's transaction.
        annotation_id: A row that is there, without mentions.
        text: Its text.
        now: When.
    """
    names = []
    for userid in mentioned_userids(text):
        try:
            names.append(split_userid(userid))
        except InvalidUseridError:
            continue
    if not names:
        return
    session.execute(
        _RECORD,
        {
            "annotation_id": annotation_id,
            "now": now,
            "usernames": [username for username, _ in names],
            "authorities": [authority for _, authority in names],
            "normalized": [normalize_username(username) for username, _ in names],
        },
    )
