"""Elasticsearch away, slow, talking nonsense or read-only: searches say so in time, and the index catches up."""

import time
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch
from hcommon.auth import ANONYMOUS
from hcommon.db.engine import Database
from hcommon.search.backend import SearchUnavailableError
from hcommon.search.document import Batch, read_batch
from hcommon.search.elasticsearch.backend import ElasticsearchBackend
from hcommon.search.elasticsearch.client import IndexUnavailableError, connect
from hcommon.search.elasticsearch.lifecycle import SearchIndex
from hcommon.search.elasticsearch.node import PlainNode
from hcommon.search.query import SearchQuery
from hcommon.testing.factories import make_annotation, make_user
from hcommon.testing.tcp_proxy import Fault, FaultyProxy, faulty_proxy

SEARCH_SECONDS = 1.0
LONGEST_SECONDS = 2.0
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.fixture
def proxy(elasticsearch_url: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(elasticsearch_url) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultyProxy) -> Iterator[Elasticsearch]:
    """A client behind the proxy."""
    client = connect(proxy.url, timeout_seconds=SEARCH_SECONDS, plain_node=PlainNode)
    yield client
    client.close()


@pytest.fixture
def backend(client: Elasticsearch, index: SearchIndex, alias: str, fresh_database: Database) -> ElasticsearchBackend:
    """A backend behind the proxy, whose index is there."""
    index.rebuild(fresh_database)
    return ElasticsearchBackend(client, index=alias, database=fresh_database, timeout_seconds=SEARCH_SECONDS)


@pytest.fixture
def behind(client: Elasticsearch, alias: str) -> SearchIndex:
    """The test's index behind the proxy."""
    return SearchIndex(client, alias=alias)


def batch(database: Database) -> Batch:
    with database.transaction() as session:
        made = make_annotation(session, user=make_user(session)).id
    with database.read() as connection:
        return read_batch(connection, [made])


def search_until_found(backend: ElasticsearchBackend) -> int:
    deadline = time.monotonic() + 30
    while True:
        try:
            if total := backend.search(SearchQuery(), principal=ANONYMOUS).total:
                return total
        except SearchUnavailableError:
            pass  # slow because others use this machine
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestSearching:
    @pytest.mark.parametrize("is_connected", [False, True])
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_is_told_in_time_and_over_when_it_is_over(
        self, proxy: FaultyProxy, backend: ElasticsearchBackend, index: SearchIndex, fresh_database: Database,
        *, fault: Fault, is_connected: bool,
    ) -> None:  # fmt: skip
        index.writer().write(batch(fresh_database))
        if is_connected:
            search_until_found(backend)
        proxy.fault = fault
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(SearchUnavailableError) as caught:
                backend.search(SearchQuery(), principal=ANONYMOUS)
            assert time.monotonic() - started < LONGEST_SECONDS
            assert caught.value.reason.startswith("The search index")
        proxy.fault = Fault.NONE
        assert search_until_found(backend) == 1

    def test_a_missing_index_is_told(self, elasticsearch: Elasticsearch, alias: str, fresh_database: Database) -> None:
        backend = ElasticsearchBackend(elasticsearch, index=alias, database=fresh_database, timeout_seconds=30)
        with pytest.raises(SearchUnavailableError, match="h init"):
            backend.search(SearchQuery(), principal=ANONYMOUS)

    def test_one_that_cannot_be_read_is_told(
        self, elasticsearch: Elasticsearch, alias: str, index: SearchIndex, fresh_database: Database
    ) -> None:
        index.rebuild(fresh_database)
        backend = ElasticsearchBackend(elasticsearch, index=alias, database=fresh_database, timeout_seconds=30)
        elasticsearch.indices.put_settings(index=alias, settings={"index.blocks.read": True})
        with pytest.raises(SearchUnavailableError):
            backend.search(SearchQuery(), principal=ANONYMOUS)
        elasticsearch.indices.put_settings(index=alias, settings={"index.blocks.read": False})
        assert backend.search(SearchQuery(), principal=ANONYMOUS).total == 0

    def test_a_read_only_index_is_searched(
        self, elasticsearch: Elasticsearch, alias: str, index: SearchIndex, fresh_database: Database
    ) -> None:
        index.rebuild(fresh_database)
        backend = ElasticsearchBackend(elasticsearch, index=alias, database=fresh_database, timeout_seconds=30)
        elasticsearch.indices.put_settings(index=alias, settings={"index.blocks.write": True})
        assert backend.search(SearchQuery(), principal=ANONYMOUS).total == 0


class TestWriting:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_is_one_that_passes_and_writing_again_makes_up_for_it(
        self, proxy: FaultyProxy, behind: SearchIndex, index: SearchIndex, fresh_database: Database, fault: Fault
    ) -> None:
        index.rebuild(fresh_database)
        made = batch(fresh_database)
        proxy.fault = fault
        with pytest.raises(IndexUnavailableError):
            behind.writer().write(made)
        proxy.fault = Fault.NONE
        index.writer().write(made)
        assert index.writer().revisions(after=None, upto=None) == {made.documents[0].id: 1}
