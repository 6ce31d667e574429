"""The Elasticsearch search backend."""

import time
from typing import Any, Final
from uuid import UUID

from elasticsearch import BadRequestError, Elasticsearch

from hcommon.auth import Principal
from hcommon.db.engine import Database
from hcommon.errors import ErrorKind, HError
from hcommon.search.backend import Hits, SearchUnavailableError
from hcommon.search.elasticsearch import builder
from hcommon.search.elasticsearch.builder import SortValue
from hcommon.search.elasticsearch.client import IndexUnavailableError, translated_errors
from hcommon.search.elasticsearch.gate import Gate
from hcommon.search.elasticsearch.words import Clause, compile_words
from hcommon.search.postgresql.parameters import Values
from hcommon.search.postgresql.resolution import resolve
from hcommon.search.query import SearchQuery

TIES_AT_ONCE: Final = 5_000

Row = tuple[SortValue, UUID]


class PatternTooComplexError(HError):
    """A wildcard URI is more than Elasticsearch can work out."""

    kind = ErrorKind.INVALID


class ElasticsearchBackend:
    """Asks the index, within a time limit and never twice."""

    def __init__(self, client: Elasticsearch, *, index: str, database: Database, timeout_seconds: float) -> None:
        """Prepare it; nothing connects before it is used.

        Args:
            client: The connection.
            index: The alias.
            database: Where pages, groups and users that a search names are looked up.
            timeout_seconds: How long all requests of a search may take together.
        """
        self._client = client.options(request_timeout=timeout_seconds)
        self._index = index
        self._database = database
        self._timeout_seconds = timeout_seconds
        self._gate = Gate()

    def search(self, query: SearchQuery, *, principal: Principal) -> Hits:
        """Return matching annotations that the principal may see, as far as the index knows.

        Raises:
            SearchUnavailableError: Elasticsearch is away, too slow, or answers nonsense, or the index is missing.
            DatabaseUnavailableError: PostgreSQL is away, and the search names pages, groups or users.
            TooManyWordsError: The search is too long.
            PatternTooComplexError: A wildcard URI has too many wildcards.
            InvalidURIError: A URI of the search cannot be one.
        """
        words = None if query.unmatchable else compile_words(query)
        keys = None if words is None else self._keys(query, principal)
        if words is None or keys is None:
            return Hits(ids=(), total=0)
        conditions = builder.filters(query, keys=keys, words=words, principal=principal)
        with self._gate.passage():
            try:
                with translated_errors():
                    return self._answer(query, conditions)
            except IndexUnavailableError as error:
                raise SearchUnavailableError(error.reason) from error

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._client.close()

    def _keys(self, query: SearchQuery, principal: Principal) -> Values | None:
        if not (query.uris or query.groups or query.users):
            return {}
        with self._database.read() as connection:
            return resolve(connection, query, principal)

    def _answer(self, query: SearchQuery, conditions: list[Clause]) -> Hits:
        deadline = time.monotonic() + self._timeout_seconds
        answer = self._ask(self._client, builder.page_body(query, conditions), self._timeout_seconds)
        found = _rows(answer)
        total: int = answer["hits"]["total"]["value"]
        rows, rest = found[: query.limit], found[query.limit :]
        if rest and query.is_extended_over_ties and rest[0][0] == rows[-1][0]:
            rows = [*rows, *self._ties(query, conditions, rows[-1], deadline)]
        after = builder.cursor_behind(query, *rows[-1]) if rest else None
        return Hits(ids=tuple([annotation_id for _, annotation_id in rows]), total=int(total), next=after)

    def _ties(self, query: SearchQuery, conditions: list[Clause], last: Row, deadline: float) -> list[Row]:
        """Return the rows behind `last` that have its date."""
        value, after = last
        ties: list[Row] = []
        while True:
            body = builder.ties_body(query, conditions, value=value, after=after, size=TIES_AT_ONCE)
            left = deadline - time.monotonic()
            if left <= 0:
                raise IndexUnavailableError("The search index is too slow now.")
            found = _rows(self._ask(self._client.options(request_timeout=left), body, left))
            ties += found
            if len(found) < TIES_AT_ONCE:
                return ties
            after = found[-1][1]

    def _ask(self, client: Elasticsearch, body: dict[str, Any], seconds: float) -> Any:
        """Ask with a client that waits so long; making another one takes as long as asking."""
        try:
            answer = client.search(
                index=self._index,
                allow_partial_search_results=False,
                # Elasticsearch keeps what it found until the index changes; only for requests that are the same in all,
                # so they all say the same of time too.
                request_cache=True,
                timeout=f"{int(seconds * 1000) + 1}ms",  # Elasticsearch stops too
                **body,
            )
        except BadRequestError as error:
            if "Determinizing" in str(error.body):
                raise PatternTooComplexError("A wildcard URI has too many wildcards.") from error
            raise
        if answer["timed_out"] is not False or answer["_shards"]["failed"] != 0:
            raise IndexUnavailableError("The search index is too slow now.")
        return answer


def _rows(answer: Any) -> list[Row]:
    return [(hit["sort"][0], UUID(hex=hit["sort"][-1])) for hit in answer["hits"]["hits"]]
