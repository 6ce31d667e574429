"""Fills a database with users, pages and annotations, fast and reproducibly.

Pages follow Zipf's law: the first has a great many annotations, most have a few. Rows go in by COPY, a million in some
two minutes; search documents are made afterwards by `h search reindex`.
"""

import io
import random
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, islice
from uuid import UUID, uuid4

import orjson
import psycopg2
from hcommon import ids, uri
from hcommon.tokens import hash_token, new_token

START = datetime(2026, 1, 1, tzinfo=UTC)
USERS = 200
_ROWS_A_COPY = 20_000
_PARTS = (  # noqa: SIM905 - a list of words reads best as a sentence
    "margin note reading source claim evidence page author history science method theory data result question answer "
    "figure table section chapter review draft class student teacher paper book archive letter map river city law"
).split()
VOCABULARY = [*_PARTS, *(first + second for first in _PARTS for second in _PARTS if first != second)]
"""Some 1 300 words, the most frequent first: like those of a language, they follow Zipf's law."""
TAGS = VOCABULARY[100:500]
"""Tags, each as frequent as the others."""
_FREQUENCIES = list(accumulate(1 / (rank + 1) for rank in range(len(VOCABULARY))))


@dataclass(frozen=True)
class World:
    """What was made.

    Attributes:
        pages: URLs, the most annotated first, with their numbers of annotations.
        tokens: Access tokens of the first users, in clear.
        userids: Of the same users.
        annotation_ids: Some ids, URL-safe.
    """

    pages: list[tuple[str, int]]
    tokens: list[str]
    userids: list[str]
    annotation_ids: list[str]


def page_url(number: int) -> str:
    """Return the URL of a page."""
    return f"https://bench.example/articles/{number}/reading-in-the-margin"


def populate(
    database_url: str, *, annotations: int, pages: int, authority: str, users: int = USERS, seed: int = 1
) -> World:
    """Insert everything in one transaction and return what was made."""
    chooser = random.Random(seed)  # noqa: S311 - reproducible, not secret
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute('SELECT id FROM "group" WHERE pubid = %s', (ids.WORLD_GROUP,))
        group_id = _first(cursor)
        user_ids = _insert_users(cursor, authority, users)
        tokens = [_insert_token(cursor, user_id) for user_id in user_ids[:USERS]]
        document_ids = _insert_documents(cursor, pages)
        weights = [1 / (rank + 1) for rank in range(pages)]
        chosen = chooser.choices(range(pages), cum_weights=list(accumulate(weights)), k=annotations)
        counts = [0] * pages
        for page in chosen:
            counts[page] += 1
        made: list[UUID] = []
        _copy(
            cursor,
            "annotation",
            (
                "id, created, updated, user_id, group_id, document_id, text, tags, shared, target_uri, "
                "target_uri_normalized, target_uri_hash, target_selectors, moderation_status"
            ),
            _annotation_rows(chooser, chosen, user_ids=user_ids, group_id=group_id, documents=document_ids, made=made),
        )
        _copy(
            cursor,
            "document_uri",
            "document_id, claimant, claimant_hash, uri, uri_normalized, uri_hash, type, content_type, user_id, "
            "annotation_id, created, updated",
            _claim_rows(document_ids, user_ids[0], made[0]),
        )
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return World(
        pages=[(page_url(number), count) for number, count in enumerate(counts)],
        tokens=tokens,
        userids=[f"acct:bench{number}@{authority}" for number in range(min(users, USERS))],
        annotation_ids=[ids.annotation_id_to_urlsafe(item) for item in made[:2000]],
    )


def _first(cursor: "psycopg2.extensions.cursor") -> int:
    row = cursor.fetchone()
    if row is None:
        raise SystemExit("The database has no public group: is this a database of h?")
    return int(row[0])


def _insert_users(cursor: "psycopg2.extensions.cursor", authority: str, count: int) -> list[int]:
    found = []
    for number in range(count):
        name = f"bench{number}"
        cursor.execute(
            'INSERT INTO "user" (pubid, username, username_normalized, authority, email, created, activated_at) '
            "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (ids.new_pubid(ids.USER_PUBID_LENGTH), name, name, authority, f"{name}@bench.example", START, START),
        )
        found.append(_first(cursor))
    return found


def _insert_token(cursor: "psycopg2.extensions.cursor", user_id: int) -> str:
    token, grant_id = new_token("5768-"), str(uuid4())
    cursor.execute(
        'INSERT INTO "grant" (id, user_id, source, created) VALUES (%s, %s, %s, %s)',
        (grant_id, user_id, "code", START),
    )
    cursor.execute(
        "INSERT INTO token (grant_id, access_hash, created) VALUES (%s, %s, %s)", (grant_id, hash_token(token), START)
    )
    return token


def _insert_documents(cursor: "psycopg2.extensions.cursor", pages: int) -> list[int]:
    cursor.execute(
        "INSERT INTO document (title, created, updated) SELECT 'Article ' || n, %s, %s FROM generate_series(1, %s) n "
        "RETURNING id",
        (START, START, pages),
    )
    return [row[0] for row in cursor.fetchall()]


def _annotation_rows(
    chooser: random.Random,
    chosen: Iterable[int],
    *,
    user_ids: list[int],
    group_id: int,
    documents: list[int],
    made: list[UUID],
) -> Iterable[tuple[object, ...]]:
    when = START
    for page in chosen:
        when += timedelta(seconds=7, microseconds=chooser.randrange(1_000_000))
        annotation_id = ids.new_annotation_id(now=when)
        made.append(annotation_id)
        url, normalized, digest = _page(page)
        quote = _words(chooser, 12)
        selectors = [
            {
                "type": "RangeSelector",
                "startContainer": "/div[1]/p[3]",
                "startOffset": 12,
                "endContainer": "/div[1]/p[3]",
                "endOffset": 96,
            },
            {"type": "TextPositionSelector", "start": 1200, "end": 1284},
            {"type": "TextQuoteSelector", "exact": quote, "prefix": "before the quote ", "suffix": " after the quote"},
        ]
        yield (
            annotation_id,
            when,
            when,
            chooser.choice(user_ids),
            group_id,
            documents[page],
            _words(chooser, 30),
            "{" + ",".join(chooser.sample(TAGS, k=2)) + "}",
            "t",
            url,
            normalized,
            digest,
            orjson.dumps(selectors).decode(),
            "APPROVED",
        )


@cache
def _page(number: int) -> tuple[str, str, UUID]:
    """Return the URL of a page, the same normalized, and its hash."""
    url = page_url(number)
    normalized = uri.normalize(url)
    return url, normalized, uri.uri_hash(normalized)


def _words(chooser: random.Random, count: int) -> str:
    return " ".join(chooser.choices(VOCABULARY, cum_weights=_FREQUENCIES, k=count))


def _claim_rows(documents: list[int], user_id: int, annotation_id: UUID) -> Iterable[tuple[object, ...]]:
    for number, document_id in enumerate(documents):
        url, normalized, digest = _page(number)
        for kind in ("self-claim", "rel-canonical"):
            yield (
                document_id, url, digest, url, normalized, digest, kind, "", user_id, annotation_id, START, START,
            )  # fmt: skip


def _copy(cursor: "psycopg2.extensions.cursor", table: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    lines = ("\t".join(str(value).replace("\\", "\\\\") for value in row) + "\n" for row in rows)
    while piece := "".join(islice(lines, _ROWS_A_COPY)):
        cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", io.StringIO(piece))
