"""Writes the words of annotations to `search_document`."""

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from uuid import UUID

from sqlalchemy import Select, select, text

from hcommon.db.engine import Database
from hcommon.models import SearchDocument
from hcommon.search.document import AnnotationDocument, Batch, Removal
from hcommon.search.postgresql.words import words_of

# The join leaves out annotations that were purged since they were read, and the lock keeps the others from it.
_UPSERT = text("""
    INSERT INTO search_document AS old (annotation_id, revision, words)
    SELECT annotation.id, new.revision, new.words::tsvector
    FROM unnest(:ids ::uuid[], :revisions ::bigint[], :words ::text[]) AS new (id, revision, words)
    JOIN annotation ON annotation.id = new.id AND NOT annotation.deleted
    ORDER BY annotation.id
    FOR KEY SHARE OF annotation
    ON CONFLICT (annotation_id) DO UPDATE SET revision = excluded.revision, words = excluded.words
    WHERE old.revision <= excluded.revision
""")

_REMOVE = text("""
    DELETE FROM search_document
    USING unnest(:ids ::uuid[], :revisions ::bigint[]) AS gone (id, revision)
    WHERE annotation_id = gone.id AND search_document.revision <= gone.revision
""")


class PostgreSQLWriter:
    """The writer of the PostgreSQL search backend."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, batch: Batch) -> None:
        """Write the documents and removals, unless there is a newer revision.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        # Rows are locked in the order of their ids, and documents and removals apart, so that indexers never
        # wait for each other in a circle.
        if batch.documents:
            self._upsert(sorted(batch.documents, key=attrgetter("id")))
        removals = [removal for removal in batch.removals if removal.revision is not None]
        if removals:
            self._remove(removals)

    def _upsert(self, documents: Sequence[AnnotationDocument]) -> None:
        parameters = {
            "ids": [str(document.id) for document in documents],
            "revisions": [document.revision for document in documents],
            "words": [_words(document) for document in documents],
        }
        with self._database.transaction() as session:
            session.execute(_UPSERT, parameters)

    def _remove(self, removals: Sequence[Removal]) -> None:
        parameters = {
            "ids": [str(removal.id) for removal in removals],
            "revisions": [removal.revision for removal in removals],
        }
        with self._database.transaction() as session:
            session.execute(_REMOVE, parameters)

    def revisions(self, *, after: UUID | None, upto: UUID | None) -> Mapping[UUID, int]:
        """Return the revision of each document whose id is in the range `(after, upto]`; None leaves a side open.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        statement = select(SearchDocument.annotation_id, SearchDocument.revision)
        if after is not None:
            statement = statement.where(SearchDocument.annotation_id > after)
        if upto is not None:
            statement = statement.where(SearchDocument.annotation_id <= upto)
        return self._found(statement)

    def revisions_of(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """Return the revision of each of some annotations that the index has.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        statement = select(SearchDocument.annotation_id, SearchDocument.revision)
        return self._found(statement.where(SearchDocument.annotation_id.in_(ids)))

    def _found(self, statement: Select[UUID, int]) -> Mapping[UUID, int]:
        with self._database.read() as connection:
            return {row.annotation_id: row.revision for row in connection.execute(statement)}


def _words(document: AnnotationDocument) -> str:
    return words_of(quotes=document.quotes, tags=document.tags, text=document.text, target_uri=document.target_uri)
