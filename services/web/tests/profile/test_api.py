"""The profile and its preferences."""

from typing import Any

import pytest
from hcommon.models import Feature, User
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import add_member, make_access_token, make_group, make_user, make_world_group
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/api/profile"
PUBLIC = {"name": "Public", "id": "__world__", "public": True}
FLAGS = {
    "client_display_names",
    "client_user_profile",
    "embed_cachebuster",
    "group_members",
    "group_moderation",
    "pre_moderation",
    "group_type",
    "html_image_annotation",
    "image_descriptions",
    "pdf_custom_text_layer",
    "pdf_image_annotation",
    "styled_highlight_clusters",
    "at_mentions",
    "log_in_with_orcid",
    "log_in_with_google",
    "log_in_with_facebook",
    "vpat_keyboard",
}


@pytest.fixture
def user(session: Session) -> User:
    make_world_group(session)
    return make_user(session, username="maria", display_name="Maria M.")


@pytest.fixture
def bearer(session: Session, user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_access_token(session, user=user)}"}


class TestAnonymousProfile:
    def test_its_userid_is_null(self, client: TestClient, session: Session) -> None:
        make_world_group(session)
        profile = client.get(PATH).json()
        assert profile.pop("features").keys() == FLAGS
        assert profile == {"userid": None, "authority": "example.org", "groups": [PUBLIC], "preferences": {}}

    def test_a_dead_token_is_nobody_and_no_error(self, client: TestClient) -> None:
        answer = client.get(PATH, headers={"Authorization": "Bearer dead"})
        assert (answer.status_code, answer.json()["userid"]) == (200, None)

    def test_another_authority_has_not_our_public_group(self, client: TestClient, session: Session) -> None:
        make_world_group(session)
        profile = client.get(PATH, params={"authority": "lms.example"}).json()
        assert (profile["authority"], profile["groups"]) == ("lms.example", [])

    def test_bytes_that_are_no_text_are_refused(self, client: TestClient) -> None:
        assert client.get(PATH, params={"authority": "a\0b"}).status_code == 400


class TestUsersProfile:
    def test_it_says_who_and_how_they_want_it(self, client: TestClient, bearer: dict[str, str]) -> None:
        profile = client.get(PATH, headers=bearer).json()
        assert profile.pop("features").keys() == FLAGS
        assert profile == {
            "userid": "acct:maria@example.org",
            "authority": "example.org",
            "groups": [PUBLIC],
            "preferences": {"show_sidebar_tutorial": True, "show_youtube_gdpr_banner": True},
            "user_info": {"display_name": "Maria M."},
        }

    def test_groups_are_public_first_then_by_name_and_only_private_ones_have_an_address(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str]
    ) -> None:
        private = make_group(session, name="b circle")
        for group in (private, make_group(session, kind="open", name="A club", pubid="aaaa1111")):
            add_member(session, group=group, user=user)
        assert client.get(PATH, headers=bearer).json()["groups"] == [
            PUBLIC,
            {"name": "A club", "id": "aaaa1111", "public": True},
            {
                "name": "b circle",
                "id": private.pubid,
                "public": False,
                "url": f"http://example.org/groups/{private.pubid}/b-circle",
            },
        ]

    def test_the_authority_asked_for_does_not_matter(self, client: TestClient, bearer: dict[str, str]) -> None:
        assert client.get(PATH, params={"authority": "x"}, headers=bearer).json()["authority"] == "example.org"

    def test_a_third_party_user_has_no_groups_but_preferences(self, client: TestClient, session: Session) -> None:
        make_world_group(session)
        theirs = make_user(session, username="bob", authority="lms.example")
        token = {"Authorization": f"Bearer {make_access_token(session, user=theirs)}"}
        profile = client.get(PATH, headers=token).json()
        assert (profile["userid"], profile["groups"]) == ("acct:bob@lms.example", [])
        assert profile["preferences"]["show_sidebar_tutorial"] is True
        assert profile["user_info"] == {"display_name": None}

    def test_it_takes_two_statements_however_many_groups(
        self,
        client: TestClient,
        session: Session,
        rolled_back: RolledBackDatabase,
        user: User,
        bearer: dict[str, str],
    ) -> None:
        for _ in range(5):
            add_member(session, group=make_group(session), user=user)
        statements: list[str] = []
        event.listen(
            rolled_back._connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
        )
        assert len(client.get(PATH, headers=bearer).json()["groups"]) == 6
        assert len(statements) == 2


class TestFeatures:
    def test_are_as_they_were_switched(self, client: TestClient, session: Session, bearer: dict[str, str]) -> None:
        session.add(Feature(name="at_mentions", first_party=True))
        session.flush()

        def state(**headers: str) -> tuple[bool, bool]:
            found = client.get(PATH, headers=headers).json()["features"]
            return found["at_mentions"], found["pdf_image_annotation"]

        assert state() == (False, True)
        assert state(**bearer) == (True, True)
        assert state(**bearer | {"Hypothesis-Client-Version": "1.1000.0"}) == (True, False)

    def test_are_switched_by_no_query(self, client: TestClient, bearer: dict[str, str]) -> None:
        answer = client.get(PATH, params={"__feature__[at_mentions]": ""}, headers=bearer)
        assert answer.json()["features"]["at_mentions"] is False

    def test_are_told_where_there_are_no_groups(self, client: TestClient, session: Session) -> None:
        session.add(Feature(name="at_mentions", everyone=True))
        session.flush()
        assert client.get(PATH, params={"authority": "x"}).json()["features"]["at_mentions"] is True


class TestPreferences:
    def change(self, client: TestClient, bearer: dict[str, str], **preferences: Any) -> dict[str, Any]:
        answer = client.patch(PATH, json={"preferences": preferences}, headers=bearer)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()["preferences"]
        assert client.get(PATH, headers=bearer).json()["preferences"] == shown
        return shown

    @pytest.mark.parametrize("name", ["show_sidebar_tutorial", "show_youtube_gdpr_banner"])
    def test_a_switch_is_shown_only_while_it_is_on(self, client: TestClient, bearer: dict[str, str], name: str) -> None:
        other = {"show_sidebar_tutorial", "show_youtube_gdpr_banner"} - {name}
        assert self.change(client, bearer, **{name: False}).keys() == other
        assert self.change(client, bearer, **{name: True}).keys() == other | {name}

    def test_the_whole_profile_comes_back(self, client: TestClient, bearer: dict[str, str]) -> None:
        answer = client.patch(PATH, json={"preferences": {}}, headers=bearer)
        assert answer.json() == client.get(PATH, headers=bearer).json()

    @pytest.mark.parametrize("body", [{}, {"preferences": {}}, {"userid": "acct:eve@example.org", "admin": True}])
    def test_nothing_to_change_changes_nothing(
        self, client: TestClient, bearer: dict[str, str], body: dict[str, Any]
    ) -> None:
        before = client.get(PATH, headers=bearer).json()
        answer = client.patch(PATH, json=body, headers=bearer)
        assert (answer.status_code, answer.json()) == (200, before)

    def test_shortcuts_are_replaced_as_a_whole(self, client: TestClient, bearer: dict[str, str]) -> None:
        first = {"applyUpdates": "l", "openSearch": None}
        assert self.change(client, bearer, shortcuts_preferences=first)["shortcuts_preferences"] == first
        second: dict[str, str] = {}
        assert self.change(client, bearer, shortcuts_preferences=second)["shortcuts_preferences"] == second
        assert "shortcuts_preferences" not in self.change(client, bearer, shortcuts_preferences=None)

    def test_other_preferences_leave_the_shortcuts_alone(self, client: TestClient, bearer: dict[str, str]) -> None:
        shortcuts = {"hideAdder": "Escape"}
        self.change(client, bearer, shortcuts_preferences=shortcuts)
        assert self.change(client, bearer, show_sidebar_tutorial=False)["shortcuts_preferences"] == shortcuts

    def test_two_actions_without_a_key_are_no_conflict(self, client: TestClient, bearer: dict[str, str]) -> None:
        shortcuts = {"hideAdder": None, "openSearch": None}
        assert self.change(client, bearer, shortcuts_preferences=shortcuts)["shortcuts_preferences"] == shortcuts

    def test_only_the_callers_own_change(self, client: TestClient, session: Session, bearer: dict[str, str]) -> None:
        other = {"Authorization": f"Bearer {make_access_token(session, user=make_user(session))}"}
        self.change(client, bearer, show_sidebar_tutorial=False)
        assert client.get(PATH, headers=other).json()["preferences"]["show_sidebar_tutorial"] is True


class TestRefusedPreferences:
    @pytest.mark.parametrize(
        ("preferences", "named"),
        [
            ({"colour": "red"}, "colour"),
            ({"show_sidebar_tutorial": "yes"}, "show_sidebar_tutorial"),
            ({"show_sidebar_tutorial": None}, "show_sidebar_tutorial"),
            ({"show_youtube_gdpr_banner": 1}, "show_youtube_gdpr_banner"),
            ({"shortcuts_preferences": []}, "shortcuts_preferences"),
            ({"shortcuts_preferences": {"fly": "f"}}, "fly"),
            ({"shortcuts_preferences": {"hideAdder": 3}}, "shortcuts_preferences"),
            ({"shortcuts_preferences": {"hideAdder": ["h"]}}, "shortcuts_preferences"),
            ({"shortcuts_preferences": {"hideAdder": "h" * 65}}, "shortcuts_preferences"),
            ({"shortcuts_preferences": {"hideAdder": "h", "openSearch": "h"}}, "same shortcut"),
            ([], "preferences"),
            ("none", "preferences"),
            (None, "preferences"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_changes(
        self, client: TestClient, bearer: dict[str, str], preferences: object, named: str
    ) -> None:
        before = client.get(PATH, headers=bearer).json()
        answer = client.patch(PATH, json={"preferences": preferences}, headers=bearer)
        assert answer.status_code == 400
        assert answer.json()["status"] == "failure"
        assert named in answer.json()["reason"]
        assert client.get(PATH, headers=bearer).json() == before

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
    def test_a_body_that_is_no_object_is_refused(self, client: TestClient, bearer: dict[str, str], body: bytes) -> None:
        assert client.patch(PATH, content=body, headers=bearer).status_code == 400

    @pytest.mark.parametrize("token", [None, "Bearer dead"])
    def test_nobody_has_no_preferences(self, client: TestClient, token: str | None) -> None:
        headers = {"Authorization": token} if token else None
        answer = client.patch(PATH, json={"preferences": {"show_sidebar_tutorial": False}}, headers=headers)
        assert answer.status_code == 404
