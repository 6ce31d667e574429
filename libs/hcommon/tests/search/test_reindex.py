"""Building the index anew, comparing it with PostgreSQL and repairing it."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hcommon.db.engine import Database
from hcommon.models import Annotation, SearchDocument
from hcommon.search.document import Batch, read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.search.reindex import Difference, DifferenceKind, Progress, compare, reindex, repair
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import delete, update

MANY = 1_203


@pytest.fixture
def writer(fresh_database: Database) -> PostgreSQLWriter:
    return PostgreSQLWriter(fresh_database)


def make(database: Database, number: int) -> list[UUID]:
    with database.transaction() as session:
        user = make_user(session)
        first = make_annotation(session, user=user)
        made = [first.id]
        made += [make_annotation(session, user=user, document_id=first.document_id).id for _ in range(number - 1)]
        return sorted(made)


def delete_annotation(database: Database, annotation_id: UUID) -> None:
    with database.transaction() as session:
        values = {"deleted": True, "revision": Annotation.revision + 1}
        session.execute(update(Annotation).where(Annotation.id == annotation_id).values(values))


class TestReindexing:
    def test_every_annotation_is_written_in_batches(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        ids = make(fresh_database, MANY)
        seen: list[Progress] = []
        assert reindex(fresh_database, writer, on_progress=seen.append) == MANY
        assert sorted(writer.revisions(after=None, upto=None)) == ids
        assert seen == [
            Progress(500, MANY, ids[499]),
            Progress(1000, MANY, ids[999]),
            Progress(MANY, MANY, ids[-1]),
        ]

    def test_an_interrupted_run_goes_on(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        ids = make(fresh_database, 4)
        writer.write(_read(fresh_database, ids[:2]))
        seen: list[Progress] = []
        assert reindex(fresh_database, writer, after=ids[1], on_progress=seen.append) == 2
        assert seen == [Progress(2, 2, ids[3])]
        assert list(compare(fresh_database, writer)) == []

    def test_an_empty_installation_has_nothing_to_write(
        self, fresh_database: Database, writer: PostgreSQLWriter
    ) -> None:
        assert reindex(fresh_database, writer) == 0

    def test_documents_of_deleted_annotations_go(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        ids = make(fresh_database, 3)
        reindex(fresh_database, writer)
        delete_annotation(fresh_database, ids[1])
        reindex(fresh_database, writer)
        assert sorted(writer.revisions(after=None, upto=None)) == [ids[0], ids[2]]

    def test_what_is_written_meanwhile_stays(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        ids = make(fresh_database, 2)

        def meanwhile(_: Progress) -> None:
            delete_annotation(fresh_database, ids[0])
            writer.write(_read(fresh_database, ids))

        reindex(fresh_database, _Before(writer, lambda: meanwhile(Progress(0, 0, ids[0]))))
        assert list(compare(fresh_database, writer)) == []
        assert sorted(writer.revisions(after=None, upto=None)) == [ids[1]]


class TestComparing:
    def test_each_kind_of_difference_is_named(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        ids = make(fresh_database, 5)
        reindex(fresh_database, writer)
        assert list(compare(fresh_database, writer)) == []
        delete_annotation(fresh_database, ids[0])
        with fresh_database.transaction() as session:
            session.execute(delete(SearchDocument).where(SearchDocument.annotation_id == ids[2]))
            session.execute(update(Annotation).where(Annotation.id == ids[3]).values(revision=5))
            session.execute(update(SearchDocument).where(SearchDocument.annotation_id == ids[4]).values(revision=5))
        assert list(compare(fresh_database, writer)) == [
            Difference(ids[0], DifferenceKind.ORPHANED),
            Difference(ids[2], DifferenceKind.MISSING),
            Difference(ids[3], DifferenceKind.STALE),
        ]

    def test_ranges_join_without_a_seam(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        for number in range(1, 8):
            ids = make(fresh_database, number)
            assert {difference.id for difference in compare(fresh_database, writer, at_once=3)} == set(ids)
            reindex(fresh_database, writer)
            assert list(compare(fresh_database, writer, at_once=3)) == []
            with fresh_database.transaction() as session:
                session.execute(update(Annotation).values(deleted=True))
            assert {difference.kind for difference in compare(fresh_database, writer, at_once=3)} == {
                DifferenceKind.ORPHANED
            }
            with fresh_database.transaction() as session:
                session.execute(delete(Annotation))


class TestRepairing:
    def test_only_what_differs_is_written(self, fresh_database: Database, writer: PostgreSQLWriter) -> None:
        ids = make(fresh_database, MANY)
        assert repair(fresh_database, writer) == MANY
        delete_annotation(fresh_database, ids[7])
        written: list[int] = []
        counting = _Counting(writer, written)
        assert repair(fresh_database, counting) == 1
        assert written == [1]
        assert repair(fresh_database, writer) == 0


def _read(database: Database, ids: list[UUID]) -> Batch:
    with database.read() as connection:
        return read_batch(connection, ids)


class _Before(PostgreSQLWriter):
    """A writer for which something happens between a batch's reading and its writing."""

    def __init__(self, writer: PostgreSQLWriter, happens: Callable[[], None]) -> None:
        super().__init__(writer._database)
        self._happens = happens

    def write(self, batch: Batch) -> None:
        self._happens()
        super().write(batch)


class _Counting(PostgreSQLWriter):
    """A writer that notes how much it was given."""

    def __init__(self, writer: PostgreSQLWriter, sizes: list[int]) -> None:
        super().__init__(writer._database)
        self._sizes = sizes

    def write(self, batch: Batch) -> None:
        self._sizes.append(len(batch.documents) + len(batch.removals))
        super().write(batch)
