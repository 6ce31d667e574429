"""Writing search documents: newest revision wins, deleted annotations go."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from hcommon.db.engine import Database
from hcommon.models import Annotation, SearchDocument
from hcommon.search.document import AnnotationDocument, Batch, Removal, read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import delete, select


@pytest.fixture
def ids(fresh_database: Database) -> list[UUID]:
    """Three annotations, in the order of their ids, at revision 1."""
    with fresh_database.transaction() as session:
        user = make_user(session)
        return sorted(make_annotation(session, user=user, text=f"word{number}").id for number in range(3))


@pytest.fixture
def writer(fresh_database: Database) -> PostgreSQLWriter:
    return PostgreSQLWriter(fresh_database)


def documents(database: Database, ids: list[UUID]) -> tuple[AnnotationDocument, ...]:
    with database.read() as connection:
        return tuple(sorted(read_batch(connection, ids).documents, key=lambda document: document.id))


def stored(database: Database) -> Iterator[tuple[UUID, int, str]]:
    with database.read() as connection:
        statement = select(SearchDocument.annotation_id, SearchDocument.revision, SearchDocument.words)
        for annotation_id, revision, words in connection.execute(statement.order_by(SearchDocument.annotation_id)):
            yield annotation_id, revision, next(word for word in words.split() if word.startswith("'word"))


class TestWriting:
    def test_documents_are_written_once(
        self, fresh_database: Database, writer: PostgreSQLWriter, ids: list[UUID]
    ) -> None:
        batch = Batch(documents=documents(fresh_database, ids)[::-1])
        for _ in range(2):
            writer.write(batch)
            assert list(stored(fresh_database)) == [(ids[n], 1, f"'word{n}':12C") for n in range(3)]

    def test_a_newer_revision_replaces_and_an_older_does_not(
        self, fresh_database: Database, writer: PostgreSQLWriter, ids: list[UUID]
    ) -> None:
        (document,) = documents(fresh_database, ids[:1])
        for revision, kept in ((5, 5), (4, 5), (5, 5), (6, 6)):
            writer.write(Batch(documents=(replace(document, revision=revision, text=f"word{revision}"),)))
            assert list(stored(fresh_database)) == [(ids[0], kept, f"'word{kept}':12C")]

    def test_an_annotation_purged_since_it_was_read_is_left_out(
        self, fresh_database: Database, writer: PostgreSQLWriter, ids: list[UUID]
    ) -> None:
        batch = Batch(documents=documents(fresh_database, ids))
        with fresh_database.transaction() as session:
            session.execute(delete(Annotation).where(Annotation.id == ids[1]))
        writer.write(batch)
        assert [row[0] for row in stored(fresh_database)] == [ids[0], ids[2]]

    def test_so_is_one_that_was_deleted_since(
        self, fresh_database: Database, writer: PostgreSQLWriter, ids: list[UUID]
    ) -> None:
        batch = Batch(documents=documents(fresh_database, ids))
        with fresh_database.transaction() as session:
            session.get_one(Annotation, ids[1]).deleted = True
        writer.write(batch)
        assert [row[0] for row in stored(fresh_database)] == [ids[0], ids[2]]

    def test_nothing_is_written_for_nothing(self, writer: PostgreSQLWriter) -> None:
        writer.write(Batch())


class TestRemoving:
    def test_documents_up_to_the_revision_go(
        self, fresh_database: Database, writer: PostgreSQLWriter, ids: list[UUID]
    ) -> None:
        found = documents(fresh_database, ids)
        writer.write(Batch(documents=(found[0], replace(found[1], revision=9), found[2])))
        removals = (Removal(ids[0], 2), Removal(ids[1], 8), Removal(UUID(int=7), 1), Removal(UUID(int=8), None))
        writer.write(Batch(removals=removals))
        assert [row[0] for row in stored(fresh_database)] == [ids[1], ids[2]]


class TestRevisions:
    def test_they_are_told_by_ranges_of_ids(
        self, fresh_database: Database, writer: PostgreSQLWriter, ids: list[UUID]
    ) -> None:
        writer.write(Batch(documents=documents(fresh_database, ids)))
        assert writer.revisions(after=None, upto=None) == dict.fromkeys(ids, 1)
        assert writer.revisions(after=ids[0], upto=None) == dict.fromkeys(ids[1:], 1)
        assert writer.revisions(after=None, upto=ids[1]) == dict.fromkeys(ids[:2], 1)
        assert writer.revisions(after=ids[0], upto=ids[1]) == {ids[1]: 1}
