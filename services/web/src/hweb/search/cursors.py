"""Where the next page of a search begins, as text that clients hand back unread."""

from base64 import b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from hcommon.errors import ErrorKind, HError
from hcommon.search.query import Cursor, SearchQuery, SortKey

_PARTS: Final = 3
_MAX_CHARACTERS: Final = 1_000


class InvalidCursorError(HError):
    """The text is none that a search has given, or one of a search in another order."""

    kind = ErrorKind.INVALID


def encode(query: SearchQuery, cursor: Cursor) -> str:
    """Return a cursor of a query as text; it has an id."""
    assert cursor.id is not None  # noqa: S101 - those behind a row do
    value = cursor.value
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    parts = [_order(query.sort, descending=query.descending), text, cursor.id.hex]
    return urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode(text: str, *, sort: SortKey, descending: bool) -> Cursor:
    """Return the cursor that `encode` has made a text of.

    Raises:
        InvalidCursorError: It has not, or of a query in another order.
    """
    try:
        order, value, annotation_id = _parts(text)
        cursor = Cursor(_value(value, sort), UUID(hex=annotation_id))
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursorError("must be what an answer had as `next`") from error
    if order != _order(sort, descending=descending):
        raise InvalidCursorError("is of a search with another sort or order")
    return cursor


def _parts(text: str) -> list[Any]:
    if len(text) > _MAX_CHARACTERS:
        raise ValueError(text)
    padded = text + "=" * (-len(text) % 4)
    parts = orjson.loads(b64decode(padded, altchars=b"-_", validate=True))
    if not isinstance(parts, list) or len(parts) != _PARTS:
        raise ValueError(text)
    return parts


def _value(text: Any, sort: SortKey) -> datetime | str | UUID:
    match sort:
        case SortKey.CREATED | SortKey.UPDATED:
            parsed = datetime.fromisoformat(text)
            if parsed.tzinfo is None:
                raise ValueError(text)
            return parsed
        case SortKey.ID:
            return UUID(hex=text)
        case SortKey.GROUP | SortKey.USER:
            if not isinstance(text, str) or "\x00" in text:
                raise ValueError(text)
            return text


def _order(sort: SortKey, *, descending: bool) -> str:
    return f"{'-' if descending else '+'}{sort.value}"
