"""Verdicts of several moderators at once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from uuid import UUID

import pytest
from hcommon.auth import Principal, principal_of_user
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationUpdated
from hcommon.events.base import Consumer
from hcommon.models import Annotation, ModerationLog
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import Role
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.search.reindex import DifferenceKind, compare, reindex
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, recorded_events
from hweb.annotations import schemas as annotation_schemas
from hweb.annotations import service as annotations
from hweb.moderation import service
from hweb.moderation.schemas import Verdict
from hweb.moderation.service import StaleVerdictError
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

MODERATORS = 4


@dataclass(frozen=True)
class Scene:
    """A pending annotation, its author and its moderators."""

    annotation_id: UUID
    author: Principal
    moderators: list[Principal]


@pytest.fixture
def database(fresh_database_url: str) -> Iterator[Database]:
    opened = Database(fresh_database_url, pool_size=MODERATORS + 1)
    yield opened
    opened.close()


@pytest.fixture
def scene(database: Database) -> Scene:
    with database.transaction() as session:
        group = make_group(session, kind="open", pre_moderated=True)
        author = make_user(session)
        annotation = make_annotation(session, user=author, group=group, updated=START, moderation_status="PENDING")
        users = [make_user(session) for _ in range(MODERATORS)]
        for user in users:
            add_member(session, group=group, user=user, role=Role.MODERATOR)
        return Scene(
            annotation.id,
            principal_of_user(session, author.id),
            [principal_of_user(session, user.id) for user in users],
        )


def judge(session: Session, scene: Scene, moderator: Principal, status: ModerationStatus) -> None:
    verdict = Verdict(status=status, updated=START, seen_status=ModerationStatus.PENDING)
    service.judge(session, moderator=moderator, annotation_id=scene.annotation_id, verdict=verdict, now=START)


class TestAtOnce:
    def test_the_first_verdict_counts_and_the_others_hear_of_it(self, database: Database, scene: Scene) -> None:
        statuses = [ModerationStatus.APPROVED, ModerationStatus.DENIED, ModerationStatus.SPAM, ModerationStatus.DENIED]
        barrier = Barrier(MODERATORS)

        def run(moderator: Principal, status: ModerationStatus) -> ModerationStatus | None:
            try:
                with database.transaction() as session:
                    session.connection()
                    barrier.wait(timeout=30)
                    judge(session, scene, moderator, status)
            except StaleVerdictError:
                return None
            return status

        with ThreadPoolExecutor(MODERATORS) as pool:
            counted = {status for status in pool.map(run, scene.moderators, statuses, timeout=60) if status}
        with database.read() as connection:
            [status] = connection.execute(select(Annotation.moderation_status)).scalars()
            assert counted == {status}
            assert connection.execute(select(func.count()).select_from(ModerationLog)).scalar() == 1
            assert connection.execute(select(Annotation.revision)).scalar() == 2

    def test_a_verdict_on_what_the_author_is_just_changing_is_stale(self, database: Database, scene: Scene) -> None:
        change = annotation_schemas.annotation_change({"text": "nasty"})
        verdict_began = Barrier(2)

        def run() -> bool:
            try:
                with database.transaction() as session:
                    session.connection()
                    verdict_began.wait(timeout=30)
                    judge(session, scene, scene.moderators[0], ModerationStatus.APPROVED)
            except StaleVerdictError:
                return True
            return False

        with ThreadPoolExecutor(1) as pool:
            with database.transaction() as session:
                annotations.update(
                    session,
                    author=scene.author,
                    annotation_id=scene.annotation_id,
                    change=change,
                    now=START.replace(year=START.year + 1),
                )
                stale = pool.submit(run)
                verdict_began.wait(timeout=30)
                deadline = time.monotonic() + 30
                while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    assert time.monotonic() < deadline
            assert stale.result(timeout=30)


class TestTheIndexFollows:
    def test_a_verdict_that_changes_no_text(self, database: Database, scene: Scene) -> None:
        writer = PostgreSQLWriter(database)
        reindex(database, writer)
        with database.transaction() as session:
            judge(session, scene, scene.moderators[0], ModerationStatus.APPROVED)
            (told,) = [event for event in recorded_events(session) if Consumer.INDEXER in type(event).CONSUMERS]
        assert [difference.kind for difference in compare(database, writer)] == [DifferenceKind.STALE]
        assert isinstance(told, AnnotationUpdated)
        with database.read() as connection:
            batch = read_batch(connection, [told.annotation_id])
        writer.write(batch)
        assert list(compare(database, writer)) == []
        assert [document.hidden for document in batch.documents] == [False]
