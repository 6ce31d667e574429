"""Signing in and out."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from hcommon.models import User
from hcommon.testing.factories import make_user, recorded_events
from hweb.accounts import limits, passwords
from hweb.resources import Resources
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def alice(session: Session, password_hash: str) -> User:
    return make_user(session, username="alice", password_hash=password_hash)


class TestLogIn:
    @pytest.mark.parametrize("login", ["alice", "ALICE", "a.lice", "Alice@example.org"])
    def test_accepts_name_or_address_in_any_case(
        self, submit: Callable[..., Any], client: TestClient, alice: User, login: str
    ) -> None:
        answer = submit("/login", {"username": login, "password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        assert client.get("/login").status_code == 302  # signed in visitors are redirected

    def test_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
        self, submit: Callable[..., Any], alice: User
    ) -> None:
        cookie = submit("/login", {"username": "alice", "password": PASSWORD}).headers["set-cookie"]
        assert re.fullmatch(r"h_session=[\w-]{43}; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax", cookie)

    def test_starts_a_new_session_each_time(self, submit: Callable[..., Any], client: TestClient, alice: User) -> None:
        submit("/login", {"username": "alice", "password": PASSWORD})
        first = client.cookies["h_session"]
        submit("/logout", {})
        client.cookies.set("h_session", first, domain="example.org")
        submit("/login", {"username": "alice", "password": PASSWORD})
        assert client.cookies["h_session"] != first

    def test_keeps_only_a_hash_of_the_cookie(
        self, submit: Callable[..., Any], client: TestClient, resources: Resources, alice: User
    ) -> None:
        submit("/login", {"username": "alice", "password": PASSWORD})
        keys = resources.redis.keys("*:session:*")
        stored = b" ".join(key + (resources.redis.get(key) or b"") for key in keys)
        assert stored
        assert client.cookies["h_session"].encode() not in stored

    def test_in_a_browser_that_is_signed_in_ends_the_session_before(
        self, submit: Callable[..., Any], client: TestClient, sign_in: Callable[[int], None], alice: User
    ) -> None:
        sign_in(alice.id)
        before = client.cookies["h_session"]
        submit("/logout", {"username": "alice", "password": PASSWORD}, to="/login")
        assert client.cookies["h_session"] != before
        client.cookies.set("h_session", before, domain="example.org")
        assert client.get("/login").status_code == 200

    @pytest.mark.parametrize("login", ["alice", "nobody", "", "nobody@example.org", "a\0b", "😀"])
    def test_says_one_thing_to_a_wrong_name_and_a_wrong_password(
        self, submit: Callable[..., Any], alice: User, login: str
    ) -> None:
        answer = submit("/login", {"username": login, "password": "wrong wrong"})
        assert answer.status_code == 400
        assert "do not go together" in answer.text
        assert "wrong wrong" not in answer.text
        assert "set-cookie" not in answer.headers

    def test_takes_as_long_for_unknown_users(self) -> None:
        assert passwords.is_right(None, PASSWORD) is False
        assert passwords.is_right(None, "") is False
        assert passwords.is_right("no hash at all", PASSWORD) is False

    def test_compares_no_endless_passwords(self, password_hash: str) -> None:
        assert passwords.is_right(password_hash, PASSWORD + "x" * 100_000) is False

    def test_takes_a_password_for_the_same_however_it_is_composed(self) -> None:
        assert passwords.is_right(passwords.hash_password("pass\u00e4w\u00f6rd"), "passa\u0308wo\u0308rd")

    def test_refuses_deleted_users(self, submit: Callable[..., Any], session: Session, alice: User) -> None:
        alice.deleted = True
        session.flush()
        assert submit("/login", {"username": "alice", "password": PASSWORD}).status_code == 400

    def test_refuses_users_of_other_authorities(
        self, submit: Callable[..., Any], session: Session, password_hash: str
    ) -> None:
        make_user(session, username="alice", authority="lms.test", password_hash=password_hash)
        assert submit("/login", {"username": "alice", "password": PASSWORD}).status_code == 400

    def test_refuses_users_without_a_password(self, submit: Callable[..., Any], session: Session) -> None:
        make_user(session, username="alice")
        assert submit("/login", {"username": "alice", "password": ""}).status_code == 400

    def test_renews_a_hash_of_older_parameters(self, submit: Callable[..., Any], session: Session, alice: User) -> None:

        alice.password_hash = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
        session.flush()
        assert submit("/login", {"username": "alice", "password": PASSWORD}).status_code == 302
        session.refresh(alice)
        assert alice.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert passwords.is_right(alice.password_hash, PASSWORD)


class TestInactiveAccount:
    @pytest.fixture
    def inactive(self, session: Session, password_hash: str) -> User:
        return make_user(session, username="ina", activated_at=None, password_hash=password_hash)

    def test_hears_so_only_with_the_right_password(self, submit: Callable[..., Any], inactive: User) -> None:
        assert "not active" not in submit("/login", {"username": "ina", "password": "wrong wrong"}).text
        answer = submit("/login", {"username": "ina", "password": PASSWORD})
        assert answer.status_code == 400
        assert "not active" in answer.text

    def test_is_sent_the_link_again_but_not_without_end(
        self, submit: Callable[..., Any], session: Session, inactive: User
    ) -> None:
        for _ in range(limits.ACTIVATION_MAIL_BY_ACCOUNT.attempts + 2):
            assert submit("/login", {"username": "ina", "password": PASSWORD}).status_code == 400
        events = recorded_events(session)
        assert [event.user_id for event in events] == [inactive.id] * limits.ACTIVATION_MAIL_BY_ACCOUNT.attempts


class TestThrottling:
    def test_stops_guessing_the_password_of_one_account(
        self, submit: Callable[..., Any], client: TestClient, alice: User
    ) -> None:
        for _ in range(limits.LOGIN_BY_ACCOUNT_AND_ADDRESS.attempts):
            assert submit("/login", {"username": "alice", "password": "wrong wrong"}).status_code == 400
        answer = submit("/login", {"username": "alice@example.org", "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 900
        assert "too many attempts" in answer.text
        assert submit("/login", {"username": "somebody", "password": PASSWORD}).status_code == 400

    def test_forgets_the_mistakes_of_whoever_signs_in(
        self, submit: Callable[..., Any], client: TestClient, alice: User
    ) -> None:
        for _ in range(2):
            for _ in range(limits.LOGIN_BY_ACCOUNT_AND_ADDRESS.attempts - 1):
                assert submit("/login", {"username": "alice", "password": "wrong wrong"}).status_code == 400
            assert submit("/login", {"username": "alice", "password": PASSWORD}).status_code == 302
            submit("/logout", {})


HOSTILE = [
    "https://evil.test/",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "\n//evil.test",
    " //evil.test",
    "javascript:alert(1)",
    "https:evil.test",
    "http:///evil.test",
    "http://example.org@evil.test/",
    "http://example.org.evil.test/",
    "http://example.org:81/",
    "https://example.org/",
    "data:text/html,x",
    "http://[evil",
    "evil",
    "?x",
    "",
]


class TestNext:
    @pytest.mark.parametrize("target", HOSTILE)
    def test_never_leads_to_another_site(self, submit: Callable[..., Any], alice: User, target: str) -> None:
        answer = submit("/login", {"username": "alice", "password": PASSWORD, "next": target})
        assert (answer.status_code, answer.headers["location"]) == (302, "/")

    @pytest.mark.parametrize(
        ("target", "location"),
        [
            ("/groups/new", "/groups/new"),
            ("/search?q=a%20b&x=1", "/search?q=a%20b&x=1"),
            ("http://example.org/oauth/authorize?a=1&state=x", "/oauth/authorize?a=1&state=x"),
        ],
    )
    def test_leads_to_our_own_pages(self, submit: Callable[..., Any], alice: User, target: str, location: str) -> None:
        answer = submit("/login", {"username": "alice", "password": PASSWORD, "next": target})
        assert answer.headers["location"] == location

    def test_stays_in_the_form_with_the_mark_of_a_popup(self, client: TestClient) -> None:
        shown = client.get("/login", params={"next": "/oauth/authorize?x=<1>", "for_oauth": "True", "username": "bob"})
        assert 'name="next" value="/oauth/authorize?x=&lt;1&gt;"' in shown.text
        assert 'name="for_oauth" value="True"' in shown.text
        assert 'value="bob"' in shown.text
        assert "/signup?next=%2Foauth%2Fauthorize%3Fx%3D%3C1%3E&amp;for_oauth=True" in shown.text
        assert 'href="/login"' not in shown.text  # the header's links would leave the chain
        assert "noopener" not in shown.text
        assert "cross-origin-opener-policy" not in shown.headers

    def test_of_somebody_signed_in_is_followed_at_once(
        self, client: TestClient, sign_in: Callable[[int], None], alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get("/login", params={"next": "/a?b=1"}).headers["location"] == "/a?b=1"
        assert client.get("/login", params={"next": "//evil.test"}).headers["location"] == "/"


class TestLogOut:
    def test_ends_the_session_on_the_server_too(
        self, submit: Callable[..., Any], client: TestClient, sign_in: Callable[[int], None], alice: User
    ) -> None:
        sign_in(alice.id)
        cookie = client.cookies["h_session"]
        answer = submit("/logout", {})
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        assert "h_session" not in client.cookies
        client.cookies.set("h_session", cookie, domain="example.org")
        assert client.get("/login").status_code == 200

    def test_does_not_happen_by_a_link(self, client: TestClient, sign_in: Callable[[int], None], alice: User) -> None:
        sign_in(alice.id)
        shown = client.get("/logout")
        assert shown.status_code == 200
        assert "alice" in shown.text
        assert client.get("/login").status_code == 302

    def test_of_nobody_leads_home(self, client: TestClient) -> None:
        assert client.get("/logout").headers["location"] == "/"
