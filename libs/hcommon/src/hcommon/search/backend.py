"""The search backend: proposes ids, never rows."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from hcommon.auth import Principal
from hcommon.errors import ErrorKind, HError, UnavailableError
from hcommon.search.query import Cursor, SearchQuery


class SearchUnavailableError(UnavailableError):
    """The search backend is away, too slow, or answers nonsense; page reads are not affected."""


class TooManyWordsError(HError):
    """A search has more words than a backend can be asked for."""

    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found.

    Attributes:
        ids: In the query's order, ties broken by id; the page never ends inside a run of equal dates.
        total: All matches that the principal may see, not just this page's.
        next: Where the next page begins; None when there is nothing behind this one.
    """

    ids: tuple[UUID, ...]
    total: int
    next: Cursor | None = None


class SearchBackend(Protocol):
    """PostgreSQL or Elasticsearch, chosen by whether `ELASTICSEARCH_URL` is set."""

    def search(self, query: SearchQuery, *, principal: Principal) -> Hits:
        """Return matching annotations that the principal may see.

        Raises:
            SearchUnavailableError: There is no answer now.
            TooManyWordsError: The search is too long.
        """
        ...

    def close(self) -> None:
        """Close the connections of its own that nobody uses; there is no search afterwards."""
        ...
