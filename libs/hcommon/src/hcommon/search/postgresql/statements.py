"""The statements of a search, each built once for a combination of parameters and kept."""

from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, Text, bindparam, cast, func, select, tuple_
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.sql.util import ClauseAdapter

from hcommon.auth import Principal
from hcommon.authz import ReaderShape, readable_condition, stand_in
from hcommon.db.prepared import prepared
from hcommon.models import Annotation, Group, SearchDocument, User
from hcommon.search.postgresql.conditions import conditions
from hcommon.search.query import SortKey

KEPT_STATEMENTS: Final = 256
"""A statement takes some 100 kB; installations use far fewer."""


class Selection(NamedTuple):
    """What the rows of a page hold.

    Attributes:
        source: Makes a join of at least `Annotation`, `Group` and `User`.
        columns: Makes what is selected of it, `Annotation.id`, `created` and `updated` among them. It may look at no
            more of the principal than `authz.reader_shape` does, and takes its id from `authz.reader_id`.
    """

    source: Callable[[], FromClause]
    columns: Callable[[Principal], Sequence[Any]]


class Kind(Enum):
    """What is asked for: a page, how many rows match in all, or what has the sort key of the page's last row too.

    A counted page is a page whose rows have the number of all that match as `total`: words are looked up but once.
    """

    PAGE = "page"
    COUNTED_PAGE = "counted_page"
    COUNT = "count"
    TIES = "ties"


class Shape(NamedTuple):
    """All that a statement's text depends on.

    Attributes:
        names: Its parameters: those of `conditions`, `words`, `after` and `after_id`.
    """

    kind: Kind
    names: frozenset[str]
    sort: SortKey
    descending: bool
    reader: ReaderShape


def visible_source() -> FromClause:
    """Return the join that the visibility condition needs."""
    source: FromClause = Annotation.__table__.join(Group.__table__, Group.id == Annotation.group_id)
    return source.join(User.__table__, User.id == Annotation.user_id)


# Text is ordered by its code points, whatever the database's own collation is.
SORT_KEY: Final = "sort_key"
"""What the rows' column of that name holds, where they are not sorted by one that they have anyway."""

_TEXTS: Final = frozenset({SortKey.GROUP, SortKey.USER})
_KEYS: Final[dict[SortKey, ColumnElement[Any]]] = {
    SortKey.CREATED: Annotation.created.expression,
    SortKey.UPDATED: Annotation.updated.expression,
    SortKey.GROUP: Group.pubid.collate("C"),
    SortKey.ID: Annotation.id.expression,
    SortKey.USER: func.concat("acct:", User.username, "@", User.authority, type_=Text()).collate("C"),
}
_DECISIVE: Final = (
    Annotation.group_id,
    Annotation.user_id,
    Annotation.shared,
    Annotation.deleted,
    Annotation.moderation_status,
    Annotation.sealed,
    Annotation.revealed_to_id,
)
"""All of an annotation that `authz.readable_condition` looks at."""


@lru_cache(maxsize=KEPT_STATEMENTS)
def statement(shape: Shape, selection: Selection | None) -> Select[Any]:
    """Return the statement of that shape.

    Args:
        shape: Its shape.
        selection: What its rows hold; None for `Kind.COUNT`.

    Returns:
        A statement that takes the parameters of `shape.names` and `authz.reader_parameters`; pages also `limit`
        and `offset`.
    """
    if shape.kind is Kind.COUNTED_PAGE:
        assert selection is not None  # noqa: S101 - pages hold something
        return _counted(shape, selection)
    if shape.kind is Kind.COUNT and _is_narrow(shape.names):
        return prepared(_count_of_few(shape))
    found = _matching(shape, selection)
    if selection:
        found = _ordered(found, shape, key=_KEYS[shape.sort], row_id=Annotation.id.expression)
    return prepared(found) if _is_narrow(shape.names) else found


def _matching(shape: Shape, selection: Selection | None, *more: ColumnElement[Any]) -> Select[Any]:
    """Return all that matches, the cursor aside, in no order."""
    principal = stand_in(shape.reader)
    source: FromClause = selection.source() if selection else visible_source()
    columns = [*selection.columns(principal), *more] if selection else [func.count()]
    if selection and shape.sort in _TEXTS:
        columns.append(_KEYS[shape.sort].label(SORT_KEY))
    where = [*conditions(shape.names), readable_condition(principal)]
    if "words" in shape.names:
        source = source.join(SearchDocument.__table__, SearchDocument.annotation_id == Annotation.id)
        where.append(SearchDocument.words.bool_op("@@")(cast(bindparam("words", type_=Text()), TSQUERY)))
    return select(*columns).select_from(source).where(*where)


def _counted(shape: Shape, selection: Selection) -> Select[Any]:
    # Named twice, what is found is worked out once and kept.
    found = _matching(shape, selection, _KEYS[shape.sort].label("ordered_by")).cte("found")
    total = select(func.count()).select_from(found).scalar_subquery()
    page = select(*[column for column in found.c if column.name != "ordered_by"], total.label("total"))
    return _ordered(page, shape, key=found.c.ordered_by, row_id=found.c.id)


def _count_of_few(shape: Shape) -> Select[Any]:
    """Return how many there are, told apart by no more than decides who sees them.

    A page or an author may have ten thousand annotations, but has few groups: those are looked up once, not for each.
    """
    alike = [column.expression for column in _DECISIVE]
    counted = (
        select(*alike, func.count().label("number"))
        .where(*conditions(shape.names), Annotation.deleted.is_(False))
        .group_by(*alike)
        .subquery("counted")
    )
    source = counted.join(Group.__table__, Group.id == counted.c.group_id)
    source = source.join(User.__table__, User.id == counted.c.user_id)
    total = cast(func.coalesce(func.sum(counted.c.number), 0), BigInteger)
    readable = ClauseAdapter(counted).traverse(readable_condition(stand_in(shape.reader)))
    return select(total).select_from(source).where(readable)


def _is_narrow(names: frozenset[str]) -> bool:
    """Tell whether pages or authors decide what to read: then one plan is good for all of them.

    Not where an author's annotations in a group are asked for: one group has nearly all annotations and most have few,
    so that either of the two may be what to look up.
    """
    if any(name.startswith(("beginning_", "words")) for name in names):
        return False
    if not names.isdisjoint({"hash_0", "hashes_0"}):
        return True
    return not names.isdisjoint({"user_id", "user_ids"}) and names.isdisjoint({"group_id", "group_ids", "references"})


def _ordered(found: Select[Any], shape: Shape, *, key: ColumnElement[Any], row_id: ColumnElement[UUID]) -> Select[Any]:
    if "after" in shape.names:
        found = found.where(_after(shape, key=key, row_id=row_id))
    if shape.kind is Kind.TIES:
        found = found.where(key == bindparam("after", type_=key.type))
    order = [key] if shape.sort is SortKey.ID else [key, row_id]
    found = found.order_by(*[column.desc() for column in order] if shape.descending else order)
    if shape.kind is not Kind.TIES:
        found = found.limit(bindparam("limit", type_=BigInteger())).offset(bindparam("offset", type_=BigInteger()))
    return found


def _after(shape: Shape, *, key: ColumnElement[Any], row_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    # A parameter is declared with its type alone: the key's collation would not be understood there.
    last: ColumnElement[Any] = bindparam("after", type_=Text() if shape.sort in _TEXTS else key.type)
    if "after_id" in shape.names:
        key, last = tuple_(key, row_id), tuple_(last, bindparam("after_id", type_=Annotation.id.type))
    return key < last if shape.descending else key > last
