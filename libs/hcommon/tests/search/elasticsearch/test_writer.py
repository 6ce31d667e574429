"""Writing the index: the newest revision wins, deleted annotations go, and what is refused is told."""

from dataclasses import replace
from uuid import UUID

import pytest
from elasticsearch import Elasticsearch
from hcommon.db.engine import Database
from hcommon.search.document import AnnotationDocument, Batch, Removal, read_batch
from hcommon.search.elasticsearch.client import IndexMissingError, IndexUnavailableError
from hcommon.search.elasticsearch.lifecycle import SearchIndex
from hcommon.search.elasticsearch.writer import DocumentRefusedError, ElasticsearchWriter
from hcommon.testing.factories import make_annotation, make_user


@pytest.fixture
def documents(fresh_database: Database, index: SearchIndex) -> list[AnnotationDocument]:
    """Three annotations in the order of their ids, at revision 1; the index exists and lacks them."""
    index.rebuild(fresh_database)
    with fresh_database.transaction() as session:
        user = make_user(session)
        ids = [make_annotation(session, user=user).id for _ in range(3)]
    with fresh_database.read() as connection:
        return sorted(read_batch(connection, ids).documents, key=lambda document: document.id)


@pytest.fixture
def writer(index: SearchIndex) -> ElasticsearchWriter:
    return index.writer()


def revisions(writer: ElasticsearchWriter) -> dict[UUID, int]:
    return dict(writer.revisions(after=None, upto=None))


class TestWriting:
    def test_a_newer_revision_replaces_and_an_older_does_not(
        self, writer: ElasticsearchWriter, documents: list[AnnotationDocument]
    ) -> None:
        for revision, kept in ((5, 5), (4, 5), (5, 5), (6, 6)):
            writer.write(Batch(documents=(replace(documents[0], revision=revision),)))
            assert revisions(writer) == {documents[0].id: kept}

    def test_nothing_is_written_for_nothing(self, elasticsearch: Elasticsearch) -> None:
        ElasticsearchWriter(elasticsearch, index="h-test-nowhere").write(Batch())

    def test_what_is_too_much_for_one_request_goes_in_several(
        self, writer: ElasticsearchWriter, documents: list[AnnotationDocument]
    ) -> None:
        large = [replace(document, text="a long word " * 150_000) for document in documents]
        writer.write(Batch(documents=tuple(large)))
        assert len(revisions(writer)) == 3


class TestRemoving:
    def test_documents_up_to_the_revision_go_and_stay_away(
        self, writer: ElasticsearchWriter, documents: list[AnnotationDocument]
    ) -> None:
        first, second, third = documents
        writer.write(Batch(documents=(first, replace(second, revision=9), third)))
        gone = (Removal(first.id, 2), Removal(second.id, 8), Removal(third.id, None), Removal(UUID(int=7), 1))
        writer.write(Batch(removals=gone))
        assert revisions(writer) == {second.id: 9}
        writer.write(Batch(documents=(first,)))  # read before the deletion, written after it
        assert revisions(writer) == {second.id: 9}


class TestRevisions:
    def test_they_are_told_by_ranges_of_ids(
        self, writer: ElasticsearchWriter, documents: list[AnnotationDocument]
    ) -> None:
        writer.write(Batch(documents=tuple(documents)))
        ids = [document.id for document in documents]
        assert writer.revisions(after=ids[0], upto=None) == dict.fromkeys(ids[1:], 1)
        assert writer.revisions(after=None, upto=ids[1]) == dict.fromkeys(ids[:2], 1)
        assert writer.revisions(after=ids[0], upto=ids[1]) == {ids[1]: 1}


class TestRefusals:
    def test_a_missing_index_is_not_made_by_writing(
        self, elasticsearch: Elasticsearch, alias: str, documents: list[AnnotationDocument]
    ) -> None:
        with pytest.raises(IndexMissingError, match="h init"):
            ElasticsearchWriter(elasticsearch, index=f"{alias}-none").write(Batch(documents=tuple(documents)))
        assert not elasticsearch.indices.exists(index=f"{alias}-none")

    def test_an_index_made_read_only_is_waited_for(
        self, elasticsearch: Elasticsearch, alias: str, writer: ElasticsearchWriter, documents: list[AnnotationDocument]
    ) -> None:
        for block in ("blocks.write", "blocks.read_only_allow_delete", "blocks.read_only"):
            elasticsearch.indices.put_settings(index=alias, settings={f"index.{block}": True})
            with pytest.raises(IndexUnavailableError, match="no writes now"):
                writer.write(Batch(documents=tuple(documents)))
            elasticsearch.indices.put_settings(index=alias, settings={f"index.{block}": False})
        writer.write(Batch(documents=tuple(documents)))
        assert len(revisions(writer)) == 3

    def test_a_document_that_is_refused_for_ever_is_a_bug_and_the_others_are_written(
        self, writer: ElasticsearchWriter, documents: list[AnnotationDocument]
    ) -> None:
        odd = replace(documents[1], group_pubid="x" * 40_000)
        with pytest.raises(DocumentRefusedError, match="document_parsing_exception"):
            writer.write(Batch(documents=(documents[0], odd, documents[2])))
        assert revisions(writer).keys() == {documents[0].id, documents[2].id}
