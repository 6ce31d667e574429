"""Signing up and activating."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.accounts import UserRegistered
from hcommon.models import User
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user, recorded_events
from hweb.accounts import limits, passwords, service
from hweb.accounts.reserved import RESERVED
from hweb.accounts.schemas import NewAccount
from hweb.accounts.service import SignUp
from hweb.resources import Resources
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PASSWORD = "a very private text"
FORM = {"username": "Bob.B", "email": "bob@example.net", "password": PASSWORD, "privacy_accepted": "true"}


def users(session: Session) -> list[User]:
    return list(session.scalars(select(User).execution_options(populate_existing=True)))


class TestSignUp:
    def test_creates_an_account_that_waits_for_its_link(
        self, submit: Callable[..., Any], session: Session, clock: FrozenClock
    ) -> None:
        answer = submit("/signup", FORM | {"comms_opt_in": "true"})
        assert answer.status_code == 200
        assert "Check your e-mail" in answer.text
        [user] = users(session)
        assert (user.username, user.username_normalized, user.authority) == ("Bob.B", "bobb", "example.org")
        assert (user.email, user.activated_at, user.comms_opt_in) == ("bob@example.net", None, True)
        assert (user.created, user.privacy_accepted_at) == (clock.now(), clock.now())
        assert (user.admin, user.staff) == (False, False)
        assert passwords.is_right(user.password_hash, PASSWORD)
        [event] = recorded_events(session)
        assert isinstance(event, UserRegistered)
        assert event.user_id == user.id

    def test_asks_for_news_only_if_wanted(self, submit: Callable[..., Any], session: Session) -> None:
        submit("/signup", FORM)
        assert users(session)[0].comms_opt_in is False

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"username": ""}, "Use 3 to 30"),
            ({"username": "ab"}, "Use 3 to 30"),
            ({"username": "a" * 31}, "Use 3 to 30"),
            ({"username": "b b"}, "Use 3 to 30"),
            ({"username": ".bob"}, "Use 3 to 30"),
            ({"username": "bob@example.org"}, "Use 3 to 30"),
            ({"username": "bób"}, "Use 3 to 30"),
            ({"username": "bo\0b"}, "Use 3 to 30"),
            ({"username": "Ad.min"}, "taken"),
            ({"username": "_admin_"}, "taken"),
            ({"email": ""}, "e-mail address"),
            ({"email": "bob"}, "e-mail address"),
            ({"email": "a@b@c"}, "e-mail address"),
            ({"email": "bob@example.net\nBcc: all@example.net"}, "e-mail address"),
            ({"email": "b" * 90 + "@example.net"}, "e-mail address"),
            ({"password": "1234567"}, "at least 8"),
            ({"password": "ä" * 513}, "at most 1024"),
            ({"privacy_accepted": ""}, "privacy"),
            ({"privacy_accepted": "false"}, "privacy"),
        ],
    )
    def test_explains_what_is_wrong(
        self, submit: Callable[..., Any], session: Session, changes: dict[str, str], problem: str
    ) -> None:
        answer = submit("/signup", FORM | changes)
        assert answer.status_code == 400
        assert problem in answer.text
        assert users(session) == []

    @pytest.mark.parametrize("changes", [{"email": "no"}, {"username": "alice"}, {"password": "geheim"}, {}])
    def test_never_sends_the_password_back(
        self, submit: Callable[..., Any], session: Session, changes: dict[str, str]
    ) -> None:
        make_user(session, username="alice")
        answer = submit("/signup", FORM | changes)
        assert PASSWORD not in answer.text
        assert "geheim" not in answer.text

    def test_keeps_what_else_was_entered(self, submit: Callable[..., Any]) -> None:
        answer = submit("/signup", FORM | {"email": '"><b>', "comms_opt_in": "true"})
        assert 'value="Bob.B"' in answer.text
        assert "&#34;&gt;&lt;b&gt;" in answer.text
        assert "checked" in answer.text

    @pytest.mark.parametrize("taken", ["bobb", "BOB.B", "b.o.b.b"])
    def test_refuses_a_name_that_differs_in_dots_and_case_only(
        self, submit: Callable[..., Any], session: Session, taken: str
    ) -> None:
        make_user(session, username=taken)
        answer = submit("/signup", FORM)
        assert answer.status_code == 400
        assert "This name is taken" in answer.text

    def test_reports_a_taken_name_beside_other_problems(self, submit: Callable[..., Any], session: Session) -> None:
        make_user(session, username="bobb")
        answer = submit("/signup", FORM | {"email": "no"})
        assert "This name is taken" in answer.text
        assert "Must be an e-mail address" in answer.text

    def test_does_not_tell_which_addresses_have_accounts(self, submit: Callable[..., Any], session: Session) -> None:
        make_user(session, username="alice", email="BOB@example.net")
        answer = submit("/signup", FORM)
        assert answer.status_code == 200
        assert "Check your e-mail" in answer.text
        assert len(users(session)) == 1
        assert recorded_events(session) == []

    def test_sent_twice_is_one_registration(self, submit: Callable[..., Any], session: Session) -> None:
        assert submit("/signup", FORM).status_code == 200
        again = submit("/signup", FORM)
        assert again.status_code == 200
        assert "Check your e-mail" in again.text
        assert len(users(session)) == len(recorded_events(session)) == 1

    def test_is_not_repeated_without_end_from_one_address(
        self, submit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(limits.SIGNUP_BY_ADDRESS.attempts):
            assert submit("/signup", {}).status_code == 400
        assert submit("/signup", FORM).status_code == 429

    def test_of_somebody_signed_in_leads_on(
        self, client: TestClient, submit: Callable[..., Any], sign_in: Callable[[int], None], session: Session
    ) -> None:
        sign_in(make_user(session).id)
        assert client.get("/signup", params={"next": "/x"}).headers["location"] == "/x"
        assert submit("/logout", FORM, to="/signup").headers["location"] == "/"

    def test_keeps_the_popup_chain(self, client: TestClient, submit: Callable[..., Any]) -> None:
        chain = "next=%2Foauth%2Fauthorize&for_oauth=True"
        shown = client.get(f"/signup?{chain}")
        assert f"/login?{chain.replace('&', '&amp;')}" in shown.text
        done = submit(f"/signup?{chain}", FORM | {"next": "/oauth/authorize", "for_oauth": "True"}, to="/signup")
        assert f"/login?{chain.replace('&', '&amp;')}" in done.text

    def test_by_two_at_once_has_one_winner(self, fresh_database: Any, clock: FrozenClock) -> None:
        barrier, outcomes = threading.Barrier(2), []

        def register(email: str) -> None:
            new = NewAccount("carol", email, PASSWORD, privacy_accepted=True)
            with fresh_database.transaction() as session:
                barrier.wait(timeout=10)
                outcomes.append(
                    service.sign_up(session, new=new, password_hash="x", authority="example.org", now=clock.now())
                )

        threads = [threading.Thread(target=register, args=(f"{n}@example.net",)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcome.value for outcome in outcomes) == [
            SignUp.REGISTERED.value,
            SignUp.USERNAME_TAKEN.value,
        ]
        with fresh_database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(User)) == 1


class TestReservedNames:
    def test_are_kept_as_they_are_compared(self) -> None:
        assert {"admin", "moderator", "hypothesis", "acct"} & RESERVED == {"admin", "moderator", "hypothesis"}
        assert all(name == name.lower() and "." not in name for name in RESERVED)


class TestActivate:
    @pytest.fixture
    def inactive(self, session: Session) -> User:
        return make_user(session, username="ina", email="ina@example.net", activated_at=None)

    @pytest.fixture
    def link(self, resources: Resources, inactive: User) -> str:
        return f"/activate/{inactive.id}/{resources.keys.sign('activate', [inactive.id, 'ina@example.net'])}"

    def test_makes_the_account_active_and_leads_to_the_sign_in(
        self, client: TestClient, session: Session, inactive: User, link: str, clock: FrozenClock
    ) -> None:
        answer = client.get(link)
        assert (answer.status_code, answer.headers["location"]) == (302, "/login?username=ina&activated=1")
        session.refresh(inactive)
        assert inactive.activated_at == clock.now()
        shown = client.get(answer.headers["location"])
        assert "Your account is active" in shown.text
        assert 'value="ina"' in shown.text

    def test_may_be_repeated(
        self, client: TestClient, session: Session, inactive: User, link: str, clock: FrozenClock
    ) -> None:
        client.head(link)  # a mail scanner
        activated_at = clock.now()
        clock.advance(hours=1)
        assert client.get(link).status_code == 302
        session.refresh(inactive)
        assert inactive.activated_at == activated_at

    def test_of_somebody_signed_in_leads_home(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session, link: str
    ) -> None:
        sign_in(make_user(session).id)
        assert client.get(link).headers["location"] == "/"

    def test_refuses_what_we_did_not_sign(
        self, client: TestClient, session: Session, inactive: User, link: str
    ) -> None:
        answer = client.get(link + "x")
        assert answer.status_code == 400
        assert "not valid" in answer.text
        session.refresh(inactive)
        assert inactive.activated_at is None

    def test_explains_an_expired_link(
        self, client: TestClient, resources: Resources, inactive: User, clock: FrozenClock
    ) -> None:
        code = resources.keys.sign("activate", [inactive.id, inactive.email], expires_at=clock.now())
        clock.advance(hours=1)
        answer = client.get(f"/activate/{inactive.id}/{code}")
        assert answer.status_code == 400
        assert "has expired" in answer.text
        assert "new link" in answer.text

    @pytest.mark.parametrize("user_id", ["0", "999999999", "9" * 30, "x", "-1", "²", "1.5"])
    def test_of_another_account_is_not_found(self, client: TestClient, link: str, user_id: str) -> None:
        assert client.get(f"/activate/{user_id}/{link.rsplit('/', 1)[1]}").status_code == 404

    def test_of_an_old_address_is_not_found(
        self, client: TestClient, session: Session, inactive: User, link: str
    ) -> None:
        inactive.email = "new@example.net"
        session.flush()
        assert client.get(link).status_code == 404
        session.refresh(inactive)
        assert inactive.activated_at is None

    def test_code_of_another_purpose_is_refused(self, client: TestClient, resources: Resources, inactive: User) -> None:
        code = resources.keys.sign("reset", [inactive.id, inactive.email])
        assert client.get(f"/activate/{inactive.id}/{code}").status_code == 400
