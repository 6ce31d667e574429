"""The search index is compared with the database, repaired, and its lag reported."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hcommon.db.engine import Database
from hcommon.events.accounts import UserRenamed
from hcommon.events.annotations import AnnotationDeleted, AnnotationRefreshed, AnnotationsRevised
from hcommon.events.base import Event
from hcommon.events.moderation import ShadowBanChanged
from hcommon.models import Annotation, OutboxEvent, PeriodicRun, SearchDocument
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.search.reindex import compare, reindex
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_annotation, make_user, recorded_events
from hworker.context import Context, create_context
from hworker.settings import Settings
from hworker.tasks import cleanup, lifecycle, registry, revisions, searchindex
from sqlalchemy import delete, select, update


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        yield server


@pytest.fixture
def context(
    make_settings: Callable[..., Settings], fresh_database: Database, statsd: socket.socket, clock: FrozenClock
) -> Iterator[Context]:
    """Collaborators whose metrics can be read, on a database of the test's own."""
    settings = make_settings(statsd_host="127.0.0.1", statsd_port=statsd.getsockname()[1])
    made = create_context(settings, clock=clock, database=fresh_database)
    yield made
    made.metrics.close()


@pytest.fixture
def ids(context: Context) -> list[UUID]:
    """Seven annotations, indexed."""
    with context.database.transaction() as session:
        user = make_user(session, username="ann")
        made = sorted(make_annotation(session, user=user).id for _ in range(7))
    reindex(context.database, PostgreSQLWriter(context.database))
    return made


def differences(context: Context) -> list[Any]:
    return list(compare(context.database, PostgreSQLWriter(context.database)))


def sent(context: Context, statsd: socket.socket) -> list[str]:
    """Return the metrics that were sent so far."""
    context.metrics.gauge(searchindex.names.DEAD_LETTERS, 0)
    found: list[str] = []
    while not (found and "dead_letters" in found[-1]):
        found.append(statsd.recv(1000).decode())
    return found[:-1]


class TestChecking:
    def test_what_is_wrong_is_repaired_and_counted(
        self, context: Context, statsd: socket.socket, ids: list[UUID]
    ) -> None:
        with context.database.transaction() as session:
            session.execute(delete(SearchDocument).where(SearchDocument.annotation_id == ids[0]))
            session.execute(update(Annotation).where(Annotation.id == ids[3]).values(revision=5))
            session.execute(update(Annotation).where(Annotation.id == ids[6]).values(deleted=True, revision=2))
        searchindex.check_search_index(context, settle_seconds=0, at_once=2)
        assert differences(context) == []
        assert sent(context, statsd)[-1] == "h.worker.search.mismatches:3|g"
        searchindex.check_search_index(context, settle_seconds=0)
        assert sent(context, statsd) == ["h.worker.search.compared:6|c", "h.worker.search.mismatches:0|g"]

    def test_a_share_at_a_time_all_are_looked_at(self, context: Context, ids: list[UUID]) -> None:
        registry.run_periodic_task(context, name="check_search_index", task_id="1")  # from now on there is a row
        with context.database.transaction() as session:
            session.execute(delete(SearchDocument))
        positions = []
        while positions[-1:] != [None]:
            searchindex.check_search_index(context, share_seconds=0, settle_seconds=0, at_once=3)
            with context.database.read() as connection:
                positions.append(connection.execute(select(PeriodicRun.position)).scalar_one())
        assert positions == [str(ids[2]), str(ids[5]), None]
        assert differences(context) == []

    def test_changes_of_the_moment_are_left_to_the_indexer(
        self, context: Context, statsd: socket.socket, ids: list[UUID]
    ) -> None:
        class Indexed(type(context.stop)):  # type: ignore[misc]  # the indexer writes while the task waits
            def wait(self, timeout: float | None = None) -> bool:
                with context.database.read() as connection:
                    batch = read_batch(connection, ids)
                PostgreSQLWriter(context.database).write(batch)
                return bool(timeout is None)

        with context.database.transaction() as session:
            session.execute(update(Annotation).values(revision=2))
        object.__setattr__(context, "stop", Indexed())
        searchindex.check_search_index(context)
        assert sent(context, statsd)[-1] == "h.worker.search.mismatches:0|g"


class TestLag:
    def test_it_is_the_age_of_the_oldest_that_is_not_found(
        self, context: Context, statsd: socket.socket, clock: FrozenClock, ids: list[UUID]
    ) -> None:
        searchindex.report_search_lag(context)
        with context.database.transaction() as session:
            user = make_user(session)
            for seconds in (2, 30):
                make_annotation(session, user=user, created=clock.now() - timedelta(seconds=seconds))
        searchindex.report_search_lag(context)
        assert sent(context, statsd) == ["h.worker.search.lag_seconds:0.0|g", "h.worker.search.lag_seconds:30.0|g"]

    def test_without_annotations_there_is_none(self, context: Context, statsd: socket.socket) -> None:
        searchindex.report_search_lag(context)
        assert sent(context, statsd) == ["h.worker.search.lag_seconds:0.0|g"]


class TestTheIndexFollows:
    """After what changes many annotations, and after what changes no text, the index equals the database."""

    def test_a_shadow_ban(self, context: Context, ids: list[UUID]) -> None:
        self._follow(context, ShadowBanChanged(occurred_at=START, user_id=self._author(context)))
        assert self._revisions(context) == dict.fromkeys(ids, 2)

    def test_a_rename(self, context: Context, ids: list[UUID]) -> None:
        self._follow(context, UserRenamed(occurred_at=START, user_id=self._author(context)))
        assert self._revisions(context) == dict.fromkeys(ids, 2)

    def test_a_purge_of_what_the_index_has_not_been_told(self, context: Context, ids: list[UUID]) -> None:
        with context.database.transaction() as session:
            old = context.clock.now() - timedelta(days=1)
            session.execute(update(Annotation).where(Annotation.id == ids[0]).values(deleted=True, updated=old))
        cleanup.purge_deleted_annotations(context)
        searchindex.check_search_index(context, settle_seconds=0)
        assert differences(context) == []
        assert set(self._revisions(context)) == set(ids[1:])

    @staticmethod
    def _author(context: Context) -> int:
        with context.database.read() as connection:
            return connection.execute(select(Annotation.user_id).limit(1)).scalar_one()

    @staticmethod
    def _revisions(context: Context) -> dict[UUID, int]:
        return dict(PostgreSQLWriter(context.database).revisions(after=None, upto=None))

    @staticmethod
    def _follow(context: Context, event: Event) -> None:
        """Do what the worker and the indexer do, until nothing is left to do."""
        todo: list[Event] = [event]
        while todo:
            with context.database.transaction() as session:
                session.execute(delete(OutboxEvent))
            for told in todo:
                match told:
                    case ShadowBanChanged():
                        revisions.revise_author(context, event=told, piece=3)
                    case UserRenamed():
                        lifecycle.refresh_renamed_user(context, event=told, chunk=3, chunks=1)
                    case AnnotationRefreshed() | AnnotationDeleted():
                        write(context, [told.annotation_id])
                    case AnnotationsRevised():
                        write(context, list(told.annotation_ids))
                    case _:
                        raise AssertionError(told)
            with context.database.transaction() as session:
                todo = recorded_events(session)
        assert differences(context) == []


def write(context: Context, ids: list[UUID]) -> None:
    with context.database.read() as connection:
        batch = read_batch(connection, ids)
    PostgreSQLWriter(context.database).write(batch)
