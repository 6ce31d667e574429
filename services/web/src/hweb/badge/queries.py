"""The count of a page's annotations."""

from hcommon.auth import Principal
from hcommon.search import postgresql
from hcommon.search.query import SearchQuery
from hcommon.uri import VersionedURI
from sqlalchemy import Connection


def total(connection: Connection, uri: VersionedURI, *, principal: Principal) -> int:
    """Return how many annotations of the page the principal may see."""
    query = SearchQuery(uris=(uri,))
    return postgresql.count(connection, query, principal=principal)
