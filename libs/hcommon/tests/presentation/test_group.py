"""Groups as the API shows them."""

from typing import Any

import pytest
from hcommon.models import Group
from hcommon.presentation.group import GROUP_COLUMNS, group_type, group_url, present_group
from hcommon.testing.factories import make_group
from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session


def row_of(session: Session, group: Group) -> RowMapping:
    return session.execute(select(*GROUP_COLUMNS).where(Group.id == group.id)).mappings().one()


class TestAddress:
    @pytest.mark.parametrize(
        ("name", "last_part"),
        [
            ("Reading circle", "/reading-circle"),
            ("  Über + Ström!! 2  ", "/uber-strom-2"),
            ("a/b?c#d", "/a-b-c-d"),
            ("読書会", ""),
            ("--", ""),
        ],
    )
    def test_it_ends_in_the_name_as_far_as_that_can_be_typed(self, name: str, last_part: str) -> None:
        url = group_url("https://h.example", pubid="abcd1234", name=name)
        assert url == f"https://h.example/groups/abcd1234{last_part}"


class TestType:
    @pytest.mark.parametrize(
        ("joinable_by", "readable_by", "writeable_by", "expected"),
        [
            ("authority", "members", "members", "private"),
            ("nobody", "world", "members", "restricted"),
            ("nobody", "world", "authority", "open"),
            ("nobody", "members", "members", "private"),
            ("nobody", "members", "authority", "private"),
            ("authority", "world", "members", "restricted"),
            ("authority", "world", "authority", "open"),
        ],
    )
    def test_every_combination_of_rights_has_a_name(
        self, session: Session, joinable_by: str, readable_by: str, writeable_by: str, expected: str
    ) -> None:
        rights: dict[str, Any] = {
            "joinable_by": joinable_by,
            "readable_by": readable_by,
            "writeable_by": writeable_by,
        }
        assert group_type(row_of(session, make_group(session, **rights))) == expected


class TestForeignGroup:
    def test_its_page_is_elsewhere(self, session: Session) -> None:
        group = make_group(session, authority="lms.example", authority_provided_id="a~b")
        shown = present_group(row_of(session, group), app_url="https://h.example", authority="h.example")
        assert (shown["links"], shown["groupid"]) == ({}, "group:a~b@lms.example")
