"""An index of a test's own, on the Elasticsearch that `TEST_ELASTICSEARCH_URL` names."""

import secrets
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch
from hcommon.search.elasticsearch.client import connect
from hcommon.search.elasticsearch.lifecycle import SearchIndex


@pytest.fixture
def elasticsearch(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    """A client without a time limit that matters."""
    client = connect(elasticsearch_url, timeout_seconds=60)
    yield client
    client.close()


@pytest.fixture
def alias(elasticsearch: Elasticsearch) -> Iterator[str]:
    """The alias of the test's own indices, which are removed afterwards."""
    name = f"h-test-{secrets.token_hex(4)}"
    yield name
    for index in elasticsearch.indices.get(index=f"{name}*"):
        elasticsearch.indices.delete(index=index)


@pytest.fixture
def index(elasticsearch: Elasticsearch, alias: str) -> SearchIndex:
    """The test's own indices: none yet."""
    return SearchIndex(elasticsearch, alias=alias)
