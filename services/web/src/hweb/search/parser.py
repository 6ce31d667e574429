"""From query parameters to a `SearchQuery`.

Unknown parameters are ignored; wrong values are refused, all of them in one answer.

Source: specification of the API, section 1.10 with its corrections in section 14; the client's needs, section 2.5.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from hcommon.errors import ErrorKind, HError
from hcommon.ids import InvalidIdError, annotation_id_from_urlsafe, normalize_username
from hcommon.search.query import Cursor, SearchQuery, SortKey, UserTerm
from hcommon.uri import InvalidURIError, VersionedURI, normalize, parse_versioned, parse_wildcard, with_default_scheme

from hweb.search import cursors, schemas
from hweb.search.cursors import InvalidCursorError
from hweb.search.dates import parse_date

_ALIASES: Final = {"url": "uri", "tags": "tag"}
_FALSE: Final = frozenset({"", "0", "false"})
_ACCT: Final = "acct:"
_MOST_DIGITS: Final = 9

ValueT = TypeVar("ValueT")
EnumT = TypeVar("EnumT", bound=StrEnum)


class InvalidSearchError(HError):
    """Parameters of a search that cannot be meant; a line for each."""

    kind = ErrorKind.INVALID


class _Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What `GET /api/search` is asked for.

    Attributes:
        separate_replies: Give the replies to the rows apart from them.
    """

    query: SearchQuery
    separate_replies: bool


def parse_search(parameters: Iterable[tuple[str, str]]) -> SearchRequest:
    """Return what the parameters ask for.

    Raises:
        InvalidSearchError: Some of them are wrong.
    """
    values = _Values(parameters)
    sort = values.choice("sort", SortKey, default=SortKey.UPDATED)
    order = values.choice("order", _Order, default=_Order.DESC)
    descending = order is _Order.DESC
    if "cursor" in values:
        after = values.one("cursor", lambda text: cursors.decode(text, sort=sort, descending=descending))
    else:
        after = values.one("search_after", lambda text: _cursor(text, sort))
    separate_replies = values.last("_separate_replies", "").lower() not in _FALSE
    references = [_reference(text) for text in values.all("references")]
    user = _user(values.last("user")) if "user" in values else None
    default_limit = schemas.DEFAULT_THREAD_LIMIT if references else schemas.DEFAULT_LIMIT
    query = SearchQuery(
        uris=values.each("uri", parse_uri),
        wildcard_uris=values.each("wildcard_uri", parse_wildcard, most=schemas.MAX_WILDCARDS),
        uri_parts=values.all("uri.parts"),
        groups=tuple(dict.fromkeys(values.each("group", _group))),
        users=(user,) if user else (),
        tags=values.all("tag"),
        text=values.all("text"),
        quote=values.all("quote"),
        any=values.all("any"),
        references=tuple([reference for reference in references if reference]),
        unmatchable=None in references or ("user" in values and user is None),
        top_level_only=separate_replies,
        sort=sort,
        descending=descending,
        limit=values.integer("limit", schemas.MAX_LIMIT, default=default_limit),
        offset=values.integer("offset", schemas.MAX_OFFSET, default=0) if after is None else 0,
        after=after,
    )
    values.raise_problems()
    return SearchRequest(query, separate_replies)


def parse_uri(text: str) -> VersionedURI:
    """Read a page's URI as people and clients write it, with version suffixes and perhaps without a scheme.

    Raises:
        InvalidURIError: It cannot be one.
    """
    parsed = parse_versioned(text)
    uri = with_default_scheme(parsed.uri)
    normalize(uri)
    return VersionedURI(uri, parsed.versions, parsed.all_versions)


def _cursor(text: str, sort: SortKey) -> Cursor:
    match sort:
        case SortKey.CREATED | SortKey.UPDATED:
            try:
                return Cursor(parse_date(text))
            except ValueError as error:
                raise InvalidSearchError("must be a date, or milliseconds since 1970") from error
        case SortKey.ID:
            return Cursor(annotation_id_from_urlsafe(text))
        case SortKey.GROUP | SortKey.USER:
            return Cursor(text)


def _reference(text: str) -> UUID | None:
    try:
        return annotation_id_from_urlsafe(text)
    except InvalidIdError:
        return None  # there is no such annotation, so nothing refers to it


def _user(text: str) -> UserTerm | None:
    """Read `acct:name@authority`, `name@authority` or `name`, in any case; None for what no user can be called."""
    name, at, authority = text.strip().lower().removeprefix(_ACCT).partition("@")
    normalized = normalize_username(name)
    if not normalized or (at and not authority):
        return None
    return UserTerm(normalized, authority or None)


def _group(text: str) -> str:
    if not text:
        raise InvalidSearchError("must not be empty")
    return text


class _Values:
    """The parameters by name, and what is wrong with them."""

    def __init__(self, parameters: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = defaultdict(list)
        self._problems: dict[str, str] = {}
        for name, value in parameters:
            self._values[_ALIASES.get(name, name)].append(value)
            if "\x00" in value:
                self._problems[name] = "must not contain NUL characters"

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value."""
        return tuple(self._values.get(name, ()))

    def last(self, name: str, default: str = "") -> str:
        """Return the last value, as repeated parameters of which there can be one count so."""
        return self._values[name][-1] if name in self._values else default

    def one(self, name: str, read: Callable[[str], ValueT]) -> ValueT | None:
        """Return the last value as read, or None for a parameter that is missing or wrong."""
        return self._read(name, read, self._values[name][-1]) if name in self._values else None

    def each(self, name: str, read: Callable[[str], ValueT], *, most: int | None = None) -> tuple[ValueT, ...]:
        """Return every value as read; wrong ones are left out and noted."""
        given = self.all(name)
        if most is not None and len(given) > most:
            self._problems[name] = f"may be given {most} times at most"
            return ()
        found = [self._read(name, read, text) for text in given]
        return tuple([value for value in found if value is not None])

    def _read(self, name: str, read: Callable[[str], ValueT], text: str) -> ValueT | None:
        try:
            return read(text)
        except (InvalidURIError, InvalidIdError, InvalidSearchError, InvalidCursorError) as error:
            self._problems.setdefault(name, error.reason)
            return None

    def choice(self, name: str, choices: type[EnumT], *, default: EnumT) -> EnumT:
        """Return one of the choices."""
        text = self.last(name, default)
        if text in list(choices):
            return choices(text)
        self._problems.setdefault(name, f"must be one of {', '.join(choices)}")
        return default

    def integer(self, name: str, most: int, *, default: int) -> int:
        """Return a number from 0 to `most`."""
        text = self.last(name, str(default)).strip()
        digits = text.removeprefix("+").lstrip("0") or text[-1:]
        if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS and int(digits) <= most:
            return int(digits)
        self._problems.setdefault(name, f"must be a whole number from 0 to {most}")
        return default

    def raise_problems(self) -> None:
        """Raise what was noted."""
        if self._problems:
            raise InvalidSearchError("\n".join([f"{name}: {what}" for name, what in self._problems.items()]))
