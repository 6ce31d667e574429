"""The cursor of a row leads to what follows it in the index's own order."""

from uuid import UUID

import pytest
from hcommon.search.elasticsearch import builder
from hcommon.search.query import SearchQuery, SortKey

ID = UUID("01920000-0000-7000-8000-000000000001")


class TestCursorBehind:
    @pytest.mark.parametrize(
        ("sort", "value"),
        [
            (SortKey.CREATED, 1_767_323_045_678_901),
            (SortKey.UPDATED, -1),
            (SortKey.GROUP, "__world__"),
            (SortKey.USER, "acct:maria@example.org"),
        ],
    )
    def test_is_the_row_s_sort_key_and_id(self, sort: SortKey, value: int | str) -> None:
        query = SearchQuery(sort=sort)
        after = builder.cursor_behind(query, value, ID)
        body = builder.page_body(SearchQuery(sort=sort, after=after), [])
        assert body["search_after"] == [value, ID.hex]

    def test_is_the_id_alone_in_its_own_order(self) -> None:
        query = SearchQuery(sort=SortKey.ID)
        after = builder.cursor_behind(query, ID.hex, ID)
        body = builder.page_body(SearchQuery(sort=SortKey.ID, after=after), [])
        assert (body["search_after"], len(body["sort"])) == ([ID.hex], 1)
