"""One page of a search, straight from PostgreSQL: for page reads with whole rows, for the search backend with ids.

A page takes at most four statements: one for the keys of what is named (`resolution`), one for the rows, one more when
the page would end inside a run of equal dates, and one to count when the total does not follow from the rows. Where
words are looked for, the rows come with the total: those who look for words pay for all that matches, not for a page.
The visibility condition is part of each statement but the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, Result, RowMapping

from hcommon.auth import Principal
from hcommon.authz import ReaderShape, reader_parameters, reader_shape
from hcommon.search.postgresql.conditions import values, with_single_pages
from hcommon.search.postgresql.parameters import Values
from hcommon.search.postgresql.resolution import resolve
from hcommon.search.postgresql.statements import SORT_KEY, Kind, Selection, Shape, statement
from hcommon.search.postgresql.tsquery import compile_words
from hcommon.search.query import Cursor, SearchQuery, SortKey


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the query's order.

    Attributes:
        total: The number of all that match and that the principal may see.
        next: Where the next page begins; None when there is nothing behind this one.
    """

    rows: Sequence[RowMapping]
    total: int
    next: Cursor | None = None


def fetch_page(connection: Connection, query: SearchQuery, *, principal: Principal, selection: Selection) -> Page:
    """Return the page that the query asks for.

    In the order of a date the page is longer than `query.limit` while rows of the last one's date remain, so that a
    cursor that is a bare date loses none. Pages with an offset, or after a cursor with an id, have no need of that.

    Args:
        connection: Rows and total are of one moment only inside a transaction of REPEATABLE READ.
        query: What is asked for.
        principal: Who asks.
        selection: What the rows hold.

    Raises:
        InvalidURIError: A URI of the query cannot be one.
        TooManyWordsError: The query has too many words.
    """
    search = _Search.of(connection, query, principal)
    if search is None:
        return Page(rows=(), total=0)
    if not query.limit:
        return Page(rows=(), total=search.count())
    # One row more tells whether this is the last page, and whether a run of equal dates goes on behind it.
    found = search.page(selection)
    rows, rest = found[: query.limit], found[query.limit :]
    if not rest and query.after is None and (rows or not query.offset):
        return Page(rows=rows, total=query.offset + len(rows))
    if rest and query.is_extended_over_ties and rest[0][query.sort.value] == rows[-1][query.sort.value]:
        rows = [*rows, *search.ties(selection, rows[-1])]
    total = found[0]["total"] if found and search.is_counted else search.count()
    return Page(rows=rows, total=total, next=_behind(query, rows[-1]) if rest else None)


def _behind(query: SearchQuery, last: RowMapping) -> Cursor:
    named = last[SORT_KEY] if query.sort in (SortKey.GROUP, SortKey.USER) else last[query.sort.value]
    return Cursor(named, last["id"])


def count(connection: Connection, query: SearchQuery, *, principal: Principal) -> int:
    """Return how many annotations match and may be seen by the principal.

    Args:
        connection: A connection.
        query: What is asked for.
        principal: Who asks.

    Raises:
        InvalidURIError: A URI of the query cannot be one.
        TooManyWordsError: The query has too many words.
    """
    search = _Search.of(connection, query, principal)
    return search.count() if search else 0


@dataclass(frozen=True, slots=True)
class _Search:
    """A query as parameters of the statements that answer it."""

    connection: Connection
    query: SearchQuery
    filters: Values
    reader: ReaderShape
    reader_parameters: Values

    @classmethod
    def of(cls, connection: Connection, query: SearchQuery, principal: Principal) -> Self | None:
        """Return it, or None when nothing can match."""
        words = None if query.unmatchable else compile_words(query)
        if words is None:
            return None
        keys = resolve(connection, query, principal)
        if keys is None:
            return None
        filters = values(query) | with_single_pages(keys)
        if words:
            filters["words"] = words
        return cls(connection, query, filters, reader_shape(principal), reader_parameters(principal))

    @property
    def is_counted(self) -> bool:
        """Return whether the rows of a page have the total."""
        return "words" in self.filters

    def page(self, selection: Selection) -> Sequence[RowMapping]:
        """Return up to one row more than the limit."""
        query = self.query
        cursor: Values = {}
        if query.after is not None:
            cursor["after"] = query.after.value
            if query.after.id is not None and query.sort is not SortKey.ID:
                cursor["after_id"] = query.after.id
        extent = {"limit": query.limit + 1, "offset": query.offset}
        kind = Kind.COUNTED_PAGE if self.is_counted else Kind.PAGE
        return self._execute(kind, self.filters | cursor, extent, selection).mappings().all()

    def ties(self, selection: Selection, last: RowMapping) -> Sequence[RowMapping]:
        """Return the rows behind `last` that have its date."""
        cursor = {"after": last[self.query.sort.value], "after_id": last["id"]}
        return self._execute(Kind.TIES, self.filters | cursor, {}, selection).mappings().all()

    def count(self) -> int:
        """Return how many rows match, the cursor aside."""
        found: int = self._execute(Kind.COUNT, self.filters, {}, None).scalar_one()
        return found

    def _execute(self, kind: Kind, named: Values, extent: Values, selection: Selection | None) -> Result[Any]:
        query = self.query
        shape = Shape(kind, frozenset(named), query.sort, query.descending, self.reader)
        return self.connection.execute(statement(shape, selection), named | extent | self.reader_parameters)
