"""Profiles as the API and the socket show them."""

from typing import Any

import orjson
from hcommon.auth import ANONYMOUS, principal_of_user
from hcommon.models import User
from hcommon.presentation.profile import present_profile, profile_rows
from hcommon.testing.factories import add_member, make_group, make_user, make_world_group
from sqlalchemy.orm import Session


def profile(session: Session, user: User | None, *, authority: str = "example.org") -> dict[str, Any]:
    principal = ANONYMOUS if user is None else principal_of_user(session, user.id)
    rows = profile_rows(session, principal=principal, authority=authority)
    values = present_profile(
        rows, principal=principal, authority=authority, app_url="https://h.example", site_authority="example.org"
    )
    shown: dict[str, Any] = orjson.loads(orjson.dumps(values))
    return shown


class TestGroups:
    def test_public_comes_first_and_the_rest_by_name(self, session: Session) -> None:
        make_world_group(session)
        user = make_user(session)
        for name in ("b", "A", "Z", "c"):
            add_member(session, group=make_group(session, name=name), user=user)
        assert [group["name"] for group in profile(session, user)["groups"]] == ["Public", "A", "b", "c", "Z"]

    def test_others_groups_are_not_shown(self, session: Session) -> None:
        make_world_group(session)
        make_group(session, name="Theirs")
        assert [group["name"] for group in profile(session, make_user(session))["groups"]] == ["Public"]

    def test_a_private_group_of_another_authority_has_no_page_here(self, session: Session) -> None:
        user = make_user(session, authority="lms.example")
        group = make_group(session, authority="lms.example", name="Course")
        add_member(session, group=group, user=user)
        [shown] = profile(session, user, authority="lms.example")["groups"]
        assert shown == {"name": "Course", "id": group.pubid, "public": False}


class TestBeforeAnythingIsThere:
    def test_a_site_without_its_public_group_has_no_groups(self, session: Session) -> None:
        assert profile(session, None)["groups"] == []
        shown = profile(session, make_user(session))
        assert shown["groups"] == []
        assert shown["preferences"] == {"show_sidebar_tutorial": True, "show_youtube_gdpr_banner": True}


class TestPreferences:
    def test_stored_shortcuts_go_out_as_they_are(self, session: Session) -> None:
        user = make_user(session, shortcuts='{"openSearch":"/"}', show_sidebar_tutorial=False)
        assert profile(session, user)["preferences"] == {
            "show_youtube_gdpr_banner": True,
            "shortcuts_preferences": {"openSearch": "/"},
        }
