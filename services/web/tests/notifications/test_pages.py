"""Links in mails that end mails, and the page that says which are wanted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hcommon.models import Subscription, User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user
from hweb.resources import Resources
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SETTINGS = "/account/settings/notifications"


@pytest.fixture
def ann(session: Session) -> User:
    return make_user(session, username="ann")


@pytest.fixture
def link(resources: Resources, ann: User) -> str:
    token = resources.keys.sign("unsubscribe", [ann.id, "reply"], expires_at=START + timedelta(days=90))
    return f"/notification/unsubscribe/{token}"


def chosen(session: Session) -> dict[str, bool]:
    return {row.kind: row.active for row in session.scalars(select(Subscription))}


class TestUnsubscribe:
    def test_the_link_alone_changes_nothing(self, client: TestClient, session: Session, link: str) -> None:
        answer = client.get(link)
        assert answer.status_code == 200
        assert "when somebody replies to you" in answer.text
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert chosen(session) == {}

    def test_a_mail_programs_click_acts_without_a_session_and_twice_is_once(
        self, client: TestClient, session: Session, link: str
    ) -> None:
        for _ in range(2):
            answer = client.post(link, data=ONE_CLICK)
            assert answer.status_code == 200
            assert "will not get mail" in answer.text
        assert chosen(session) == {"reply": False}

    def test_the_pages_button_acts_too(self, client: TestClient, session: Session, link: str) -> None:
        assert client.post(link).status_code == 200
        assert chosen(session) == {"reply": False}

    def test_it_expires(self, client: TestClient, session: Session, link: str, resources: Any) -> None:
        resources.clock.advance(days=91)
        for answer in (client.get(link), client.post(link, data=ONE_CLICK)):
            assert answer.status_code == 404
            assert "expired" in answer.text
        assert chosen(session) == {}

    @pytest.mark.parametrize("value", [[1, "birthday"], [1], "x", ["1", "reply"], {"a": 1}, None])
    def test_what_is_signed_but_no_choice_is_not_found(
        self, client: TestClient, resources: Resources, value: object
    ) -> None:
        token = resources.keys.sign("unsubscribe", value)
        assert client.post(f"/notification/unsubscribe/{token}").status_code == 404

    @pytest.mark.parametrize("token", ["x", "x.y", "é.ü"])
    def test_what_is_not_ours_is_not_found(self, client: TestClient, token: str) -> None:
        assert client.post(f"/notification/unsubscribe/{token}").status_code == 404

    def test_a_token_of_another_purpose_is_not_found(self, client: TestClient, resources: Resources, ann: User) -> None:
        token = resources.keys.sign("activate", [ann.id, "reply"])
        assert client.post(f"/notification/unsubscribe/{token}").status_code == 404

    def test_a_deleted_account_has_nothing_to_choose(
        self, client: TestClient, session: Session, link: str, ann: User
    ) -> None:
        ann.deleted = True
        session.flush()
        assert client.post(link).status_code == 404
        assert chosen(session) == {}

    def test_the_token_stays_out_of_the_log(
        self, client: TestClient, link: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        client.get(link)
        assert link.rpartition("/")[2] not in capsys.readouterr().out


class TestSettings:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get(SETTINGS).headers["location"] == "/login?next=%2Faccount%2Fsettings%2Fnotifications"

    def test_what_was_never_chosen_is_wanted(
        self, client: TestClient, sign_in: Callable[[int], None], ann: User
    ) -> None:
        sign_in(ann.id)
        assert client.get(SETTINGS).text.count(" checked") == 3

    def test_what_is_not_checked_is_not_wanted(
        self, client: TestClient, sign_in: Callable[[int], None], submit: Any, session: Session, ann: User
    ) -> None:
        sign_in(ann.id)
        answer = submit(SETTINGS, {"mention": "on"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{SETTINGS}?saved")
        assert chosen(session) == {"reply": False, "mention": True, "moderation": False}
        assert client.get(f"{SETTINGS}?saved").text.count(" checked") == 1
        submit(SETTINGS, {"reply": "on"})
        assert chosen(session) == {"reply": True, "mention": False, "moderation": False}

    def test_only_our_own_page_may_choose(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session, ann: User
    ) -> None:
        sign_in(ann.id)
        assert client.post(SETTINGS, data={"reply": "on"}).status_code == 403
        assert chosen(session) == {}

    def test_a_form_of_a_visitor_leads_to_the_login(self, client: TestClient, submit: Any, session: Session) -> None:
        answer = submit("/login", {"reply": "on"}, to=SETTINGS)
        assert answer.headers["location"].startswith("/login")
