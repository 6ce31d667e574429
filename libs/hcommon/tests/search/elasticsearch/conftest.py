"""An index of a test's own, on the Elasticsearch that `TEST_ELASTICSEARCH_URL` names."""

import os
import secrets
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch
from hcommon.search.elasticsearch.client import connect
from hcommon.search.elasticsearch.lifecycle import SearchIndex


@pytest.fixture(scope="session")
def elasticsearch_url() -> str:
    """URL of an Elasticsearch 9."""
    url = os.environ.get("TEST_ELASTICSEARCH_URL")  # noqa: TID251 - not a setting of h: where tests find a server
    if not url:
        pytest.skip("needs an Elasticsearch 9: set TEST_ELASTICSEARCH_URL, to http://127.0.0.1:9200 for example")
    return url


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
