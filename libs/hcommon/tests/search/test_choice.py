"""Which search backend the settings name."""

import pytest
from hcommon.db.engine import Database
from hcommon.search.choice import search_backend, search_index, search_writer
from hcommon.search.elasticsearch.backend import ElasticsearchBackend
from hcommon.search.elasticsearch.writer import ElasticsearchWriter
from hcommon.search.postgresql import PostgreSQLBackend, PostgreSQLWriter
from hcommon.settings import SearchSettings


@pytest.fixture
def database() -> Database:
    """One that nobody connects to."""
    return Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)


class TestChoice:
    def test_without_an_elasticsearch_postgresql_searches(self, database: Database) -> None:
        settings = SearchSettings()
        assert isinstance(search_backend(settings, database=database, threads=1), PostgreSQLBackend)
        assert isinstance(search_writer(settings, database=database), PostgreSQLWriter)
        assert search_index(settings) is None

    def test_its_url_chooses_elasticsearch(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ELASTICSEARCH_URL", "http://127.0.0.1:1")
        settings = SearchSettings()
        assert isinstance(search_backend(settings, database=database, threads=1), ElasticsearchBackend)
        assert isinstance(search_writer(settings, database=database), ElasticsearchWriter)

    def test_so_does_a_docker_link(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ELASTICSEARCH_PORT_9200_TCP_ADDR", "172.17.0.5")
        monkeypatch.setenv("ELASTICSEARCH_PORT_9200_TCP_PORT", "9200")
        url = SearchSettings().elasticsearch_url
        assert url
        assert url.get_secret_value() == "http://172.17.0.5:9200"
