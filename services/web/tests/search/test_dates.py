"""Dates as clients send them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hweb.search.dates import parse_date

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-01-02T03:04:05.678901+00:00",
            "2026-01-02T03:04:05.678901 00:00",
            "2026-01-02 03:04:05.678901 00:00",
            "2026-01-02T03:04:05.678901 0000",
            "2026-01-02T03:04:05.678901Z",
            "2026-01-02T03:04:05.678901",
            "2026-01-02T04:04:05.678901+01:00",
            "2026-01-02T04:04:05.678901 01:00",
            "2026-01-01T22:04:05.678901-05:00",
            "1767323045678.901",
        ],
    )
    def test_one_instant_in_many_forms(self, text: str) -> None:
        assert parse_date(text) == WHEN

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
            ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
            ("9999", datetime(9999, 1, 1, tzinfo=UTC)),
            ("10000", datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC)),
            ("1767323045678", WHEN.replace(microsecond=678000)),
            ("1767323045678.9", WHEN.replace(microsecond=678900)),
            ("2026-01-02 03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
            ("2026-01-02T03:04 01:00", datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1)))),
        ],
    )
    def test_shorter_forms_and_numbers(self, text: str, expected: datetime) -> None:
        assert parse_date(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "yesterday",
            "0",
            "-5",
            "1e30",
            "99999999999999999",
            "2026-13-01",
            "2026-01-02T25:00",
            "nan",
            "0x10",
            "١٢٣٤",
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - the parser says what was wrong
            parse_date(text)
