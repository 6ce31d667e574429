"""A search that indexes what the test has written, and shows ids."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hcommon.auth import ANONYMOUS, Principal
from hcommon.models import Annotation
from hcommon.search.backend import Hits
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLBackend, PostgreSQLWriter
from hcommon.search.query import SearchQuery, SortKey
from hcommon.testing.database import RolledBackDatabase
from sqlalchemy import select
from sqlalchemy.orm import Session

Search = Callable[..., Hits]


def index_all(database: RolledBackDatabase) -> None:
    with database.read() as connection:
        ids: list[UUID] = list(connection.execute(select(Annotation.id)).scalars())
        PostgreSQLWriter(database).write(read_batch(connection, ids))


@pytest.fixture
def search(rolled_back: RolledBackDatabase, session: Session) -> Search:
    """Index what is there, then search: oldest first, up to 200."""
    backend = PostgreSQLBackend(rolled_back)

    def run(*, principal: Principal = ANONYMOUS, **query: Any) -> Hits:
        session.flush()
        index_all(rolled_back)
        query = {"sort": SortKey.CREATED, "descending": False, "limit": 200} | query
        return backend.search(SearchQuery(**query), principal=principal)

    return run
