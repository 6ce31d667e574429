"""The PostgreSQL search backend: the same queries in SQL, for installations without Elasticsearch."""

from hcommon.auth import Principal
from hcommon.db.engine import Database, DatabaseUnavailableError
from hcommon.models import Annotation
from hcommon.search.backend import Hits, SearchUnavailableError
from hcommon.search.postgresql.page import fetch_page
from hcommon.search.postgresql.statements import Selection, visible_source
from hcommon.search.query import SearchQuery

_IDS = Selection(source=visible_source, columns=lambda _: (Annotation.id, Annotation.created, Annotation.updated))


class PostgreSQLBackend:
    """Searches the words that the indexer wrote, and everything else in the annotations themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, query: SearchQuery, *, principal: Principal) -> Hits:
        """Return matching annotations that the principal may see.

        Raises:
            SearchUnavailableError: PostgreSQL is away, or took too long.
            TooManyWordsError: The search is too long.
        """
        try:
            with self._database.read() as connection:
                page = fetch_page(connection, query, principal=principal, selection=_IDS)
        except DatabaseUnavailableError as error:
            raise SearchUnavailableError("Search is not available now.") from error
        return Hits(ids=tuple(row["id"] for row in page.rows), total=page.total, next=page.next)

    def close(self) -> None:
        """Leave the database to its owner: there are no connections of its own."""
