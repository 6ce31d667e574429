"""Dates in the parameters of a search."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

LAST_YEAR: Final = 9_999
_NUMBER: Final = re.compile(r"[0-9]{1,17}(?:\.[0-9]{1,9})?")
_LOST_PLUS: Final = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:?[0-9]{2}\Z)")
_TIME: Final = re.compile(r"[T ][0-9]{2}:?[0-9]{2}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_date(text: str) -> datetime:
    """Return an instant: ISO 8601, without an offset in UTC; a year; or milliseconds since 1970, above year 9999.

    A space stands for the `+` of an offset too: that is what becomes of a `+` which was not percent-encoded.

    Raises:
        ValueError: It is none of these, or outside of the years 1 to 9999.
    """
    if _NUMBER.fullmatch(text):
        number = Decimal(text)
        if number <= LAST_YEAR:
            return datetime(int(number), 1, 1, tzinfo=UTC)
        try:
            return _EPOCH + timedelta(microseconds=int(number * 1000))
        except OverflowError as error:
            raise ValueError(text) from error
    parsed = datetime.fromisoformat(_with_plus(text))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _with_plus(text: str) -> str:
    """Put the `+` back before an offset, which is the second thing with a colon or four digits behind the date."""
    found = _LOST_PLUS.search(text)
    if found is None or not _TIME.search(text, 0, found.start()):
        return text
    return f"{text[: found.start()]}+{text[found.end() :]}"
