"""The page of one's own account."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/account/settings"


class TestAccountSettings:
    def test_visitors_log_in_first_and_come_back(self, client: TestClient) -> None:
        answer = client.get(PATH)
        assert (answer.status_code, answer.headers["location"]) == (302, "/login?next=%2Faccount%2Fsettings")

    def test_it_shows_the_account(self, client: TestClient, session: Session, sign_in: Callable[[int], None]) -> None:
        sign_in(make_user(session, username="maria", email="m@example.net", display_name="<b>Maria</b>").id)
        answer = client.get(PATH)
        assert answer.status_code == 200
        for text in ("maria", "m@example.net", "acct:maria@example.org", "&lt;b&gt;Maria&lt;/b&gt;"):
            assert text in answer.text

    @pytest.mark.parametrize("email", [None, ""])
    def test_an_account_without_an_address_says_so(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None], email: str | None
    ) -> None:
        sign_in(make_user(session, email=email).id)
        assert "none" in client.get(PATH).text

    def test_it_leads_to_the_groups_that_one_is_in_and_to_a_new_one(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        maria = make_user(session)
        sign_in(maria.id)
        assert "You are in none" in client.get(PATH).text
        for name in ("zoology", "Book club"):
            add_member(session, group=make_group(session, name=name), user=maria)
        make_group(session, name="Of others")
        shown = client.get(PATH).text
        assert re.findall(r'href="/groups/[^/"]+/([a-z-]+)"', shown) == ["book-club", "zoology"]
        assert 'href="/groups/new"' in shown
        assert "Your name is saved" not in shown

    def test_nobody_else_may_keep_it(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session).id)
        assert client.get(PATH).headers["cache-control"].startswith("private")

    def test_the_api_does_not_know_the_browsers_session(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session).id)
        assert client.get("/api/profile").json()["userid"] is None


class TestName:
    PATH = "/account/profile"

    def test_is_what_others_see_from_then_on(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None], submit: Any
    ) -> None:
        maria = make_user(session, username="maria")
        written = make_annotation(session, user=maria)
        page = {"uri": written.target_uri}
        for _ in range(2):  # the second from the cache
            assert client.get("/api/search", params=page).json()["rows"][0]["user_info"] == {"display_name": None}
        sign_in(maria.id)
        answer = submit(self.PATH, {"display_name": "  Maria   Sk\u0142odowska "})
        assert (answer.status_code, answer.headers["location"]) == (302, "/account/settings?saved")
        assert "Your name is saved" in client.get(answer.headers["location"]).text
        shown = client.get("/api/search", params=page).json()["rows"][0]["user_info"]
        assert shown == {"display_name": "Maria Sk\u0142odowska"}
        assert 'value="Maria Sk\u0142odowska"' in client.get(self.PATH).text
        submit(self.PATH, {"display_name": ""})
        assert client.get("/api/search", params=page).json()["rows"][0]["user_info"] == {"display_name": None}

    @pytest.mark.parametrize(
        ("name", "problem"), [("x" * 31, "At most 30 characters"), ("Maria\u202etxet", "cannot be seen")]
    )
    def test_says_why_it_is_not_taken(
        self, session: Session, sign_in: Callable[[int], None], submit: Any, name: str, problem: str
    ) -> None:
        maria = make_user(session, display_name="Maria")
        sign_in(maria.id)
        answer = submit(self.PATH, {"display_name": name})
        assert answer.status_code == 400
        assert problem in answer.text
        assert maria.display_name == "Maria"

    def test_is_not_changed_without_end(self, session: Session, sign_in: Callable[[int], None], submit: Any) -> None:
        sign_in(make_user(session).id)
        answers = [submit(self.PATH, {"display_name": f"Maria {number}"}).status_code for number in range(21)]
        assert answers == [302] * 20 + [429]

    def test_of_visitors_is_asked_for_after_they_logged_in(self, client: TestClient, submit: Any) -> None:
        assert client.get(self.PATH).headers["location"] == "/login?next=%2Faccount%2Fprofile"
        answer = submit("/login", {"display_name": "x"}, to=self.PATH)
        assert answer.headers["location"] == "/login?next=%2Faccount%2Fprofile"
