"""Both search backends give the same rows in the same order.

`TEST_SEARCH_CORPUS` and `TEST_SEARCH_QUERIES` make it larger than in an ordinary run.
"""

import os

from elasticsearch import Elasticsearch
from hcommon.db.engine import Database
from hcommon.search.elasticsearch.backend import ElasticsearchBackend
from hcommon.search.elasticsearch.lifecycle import SearchIndex
from hcommon.search.postgresql import PostgreSQLBackend, PostgreSQLWriter
from hcommon.search.reindex import reindex
from hcommon.testing import search_corpus

ANNOTATIONS = int(os.environ.get("TEST_SEARCH_CORPUS", "400"))  # noqa: TID251 - not a setting of h
QUERIES = int(os.environ.get("TEST_SEARCH_QUERIES", "600"))  # noqa: TID251 - not a setting of h
SEED = int(os.environ.get("TEST_SEARCH_SEED", "1"))  # noqa: TID251 - not a setting of h


def test_generated_searches_of_a_generated_corpus(
    elasticsearch: Elasticsearch, alias: str, index: SearchIndex, fresh_database: Database
) -> None:
    with fresh_database.transaction() as session:
        corpus = search_corpus.write(session, size=ANNOTATIONS, seed=SEED)
    assert reindex(fresh_database, PostgreSQLWriter(fresh_database)) == index.rebuild(fresh_database)
    one = PostgreSQLBackend(fresh_database)
    other = ElasticsearchBackend(elasticsearch, index=alias, database=fresh_database, timeout_seconds=60)
    found = 0
    for number in range(QUERIES):
        query, principal = search_corpus.query(corpus)
        expected = one.search(query, principal=principal)
        assert other.search(query, principal=principal) == expected, (number, query, principal)
        found += bool(expected.total)
    # Searches that find nothing prove little.
    assert found > QUERIES / 4
