"""Which search backend an installation has: Elasticsearch if `ELASTICSEARCH_URL` is set, or else PostgreSQL."""

from typing import TYPE_CHECKING

from hcommon.db.engine import Database
from hcommon.search.backend import SearchBackend
from hcommon.search.postgresql import PostgreSQLBackend, PostgreSQLWriter
from hcommon.search.writer import SearchWriter
from hcommon.settings import SearchSettings

if TYPE_CHECKING:
    from hcommon.search.elasticsearch.lifecycle import SearchIndex


def search_backend(settings: SearchSettings, *, database: Database, threads: int) -> SearchBackend:
    """Return the backend that the settings name; nothing connects yet.

    Args:
        settings: The settings.
        database: Where annotations, pages, groups and users are.
        threads: How many searches there may be at the same time.
    """
    if settings.elasticsearch_url is None:
        return PostgreSQLBackend(database)
    # Loaded only here: the client takes a second and 27 MB.
    from hcommon.search.elasticsearch.backend import ElasticsearchBackend  # noqa: PLC0415
    from hcommon.search.elasticsearch.client import connect  # noqa: PLC0415
    from hcommon.search.elasticsearch.node import PlainNode  # noqa: PLC0415

    url, seconds = settings.elasticsearch_url.get_secret_value(), settings.elasticsearch_search_seconds
    client = connect(url, timeout_seconds=seconds, connections=threads, plain_node=PlainNode)
    return ElasticsearchBackend(client, index=settings.elasticsearch_index, database=database, timeout_seconds=seconds)


def search_writer(settings: SearchSettings, *, database: Database) -> SearchWriter:
    """Return the writer of the backend that the settings name; nothing connects yet."""
    index = search_index(settings)
    return PostgreSQLWriter(database) if index is None else index.writer()


def search_index(settings: SearchSettings) -> "SearchIndex | None":
    """Return Elasticsearch's indices; None where PostgreSQL searches, which has nothing of the kind."""
    if settings.elasticsearch_url is None:
        return None
    from hcommon.search.elasticsearch.client import connect  # noqa: PLC0415 - see above
    from hcommon.search.elasticsearch.lifecycle import SearchIndex  # noqa: PLC0415 - see above

    url, seconds = settings.elasticsearch_url.get_secret_value(), settings.elasticsearch_write_seconds
    return SearchIndex(connect(url, timeout_seconds=seconds), alias=settings.elasticsearch_index)
