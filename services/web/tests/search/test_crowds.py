"""What a search costs a user of very many groups, and the first read of a page with very many annotations.

The cost is processor time, of the web process and of PostgreSQL's together, so that a busy machine changes little.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from hcommon.models import Annotation, User
from hcommon.models.group import Role
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.testing.clock import START
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
)
from hweb.settings import Settings
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

ANNOTATIONS, GROUPS = 10_000, 2_000
PAGE = "https://example.com/page"
LIMIT_MS = 20
TRIES = 11
SEARCHES = {
    "page": f"uri={quote(PAGE, safe='')}&limit=50",
    "page with replies": f"uri={quote(PAGE, safe='')}&limit=50&_separate_replies=true",
    "newest": "limit=50",
    "word": "any=word&limit=50",
    "user": "user=author&limit=50",
    "tag": "tag=t&limit=50",
    "public group": "group=__world__&limit=50",
}

_GROUPS = text("""
    WITH made AS (
        INSERT INTO "group" (
            pubid, authority, name, joinable_by, readable_by, writeable_by, created, updated
        )
        SELECT 'g' || n, 'example.org', 'Group ' || n, 'authority', 'members', 'members', now(), now()
        FROM generate_series(1, :groups) AS n
        RETURNING id
    )
    INSERT INTO group_membership (user_id, group_id, role, created, updated)
    SELECT :user_id, id, 'member', now(), now() FROM made
""")
_ANNOTATIONS = text("""
    INSERT INTO annotation (
        id, created, updated, user_id, group_id, document_id, text, tags, shared, target_uri, target_uri_normalized,
        target_uri_hash, target_selectors, moderation_status
    )
    SELECT
        gen_random_uuid(), created + n * interval '1 second', created + n * interval '1 second', user_id,
        CASE WHEN n % 2 = 0 THEN group_id ELSE (
            SELECT id FROM "group" WHERE pubid = 'g' || (1 + n / 2 % :groups)
        ) END,
        document_id, 'word number ' || n, tags, true, target_uri, target_uri_normalized, target_uri_hash,
        target_selectors, moderation_status
    FROM annotation, generate_series(1, :annotations) AS n WHERE id = :model_id
""")


class Crowd:
    """A page with many annotations, half of them public and half of them in many groups; who sees which of them."""

    def __init__(self, session: Session, client: TestClient, database: RolledBackDatabase) -> None:
        self._client = client
        world = make_world_group(session)
        author, self.of_many, self.of_one = (make_user(session, username=name) for name in ("author", "many", "one"))
        model = make_annotation(
            session,
            user=author,
            group=world,
            target_uri=PAGE,
            tags=["t"],
            selectors=[{"type": "TextQuoteSelector", "exact": "quoted " * 20}],
            moderation_status="APPROVED",
        )
        session.execute(_GROUPS, {"groups": GROUPS, "user_id": self.of_many.id})
        values = {"groups": GROUPS, "annotations": ANNOTATIONS, "model_id": model.id}
        session.execute(_ANNOTATIONS, values)
        add_member(session, group=make_group(session), user=self.of_one)
        with database.read() as connection:
            ids: list[UUID] = list(connection.execute(select(Annotation.id)).scalars())
            for start in range(0, len(ids), 500):
                PostgreSQLWriter(database).write(read_batch(connection, ids[start : start + 500]))
        session.execute(text("ANALYZE"))
        self._headers = {
            user.username: {"Authorization": f"Bearer {make_access_token(session, user=user)}"}
            for user in (self.of_many, self.of_one)
        }
        self._schedule = Path(f"/proc/{session.scalar(text('SELECT pg_backend_pid()'))}/schedstat")

    def cost(self, query: str, username: str | None) -> float:
        """Return the processor time in milliseconds of a search: the median, without the first."""
        headers = self._headers.get(username or "", {})
        costs = []
        self.pg=[]
        for _ in range(TRIES + 1):
            before = self._spent()
            pgb=int(self._schedule.read_text().split()[0]) / 1e6
            answer = self._client.get(f"/api/search?{query}", headers=headers)
            costs.append(self._spent() - before)
            self.pg.append(-pgb+ int(self._schedule.read_text().split()[0]) / 1e6)
            assert len(answer.json()["rows"]) == 50, answer.text
        return median(costs[1:])

    def _spent(self) -> float:
        return time.process_time() * 1e3 + int(self._schedule.read_text().split()[0]) / 1e6


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nothing is answered from memory, and nobody is refused."""
    return settings.model_copy(update={"page_cache_mb": 0, "rate_limits": False})


@pytest.fixture
def crowd(session: Session, client: TestClient, rolled_back: RolledBackDatabase) -> Crowd:
    return Crowd(session, client, rolled_back)


class TestCrowds:
    def test_cost(self, crowd: Crowd) -> None:
        for name, query in SEARCHES.items():
            costs = {who or "anonymous": (crowd.cost(query, who), median(crowd.pg[1:])) for who in (None, "one", "many")}
            print(name, {who: f"{cost[0]:.1f} ms {cost[1]:.1f}" for who, cost in costs.items()})
