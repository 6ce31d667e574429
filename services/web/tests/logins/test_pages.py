"""The list of browsers and applications that are logged in."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hcommon.events.accounts import GrantRevoked
from hcommon.models import AuthClient, AuthzCode, Grant, User
from hcommon.sessions import SessionStore
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_user, recorded_events
from hweb.logins.pages import MAX_SHOWN
from hweb.oauth import service as oauth
from hweb.resources import Resources
from hweb.visitor import SESSION_COOKIE
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/account/settings/sessions"


@pytest.fixture
def ann(session: Session, sign_in: Callable[[int], None]) -> User:
    """Somebody who is signed in."""
    user = make_user(session, username="ann")
    sign_in(user.id)
    return user


@pytest.fixture
def store(resources: Resources) -> SessionStore:
    return SessionStore(resources.redis)


@pytest.fixture
def application(session: Session) -> Callable[..., AuthClient]:
    def make(name: str = "Reader") -> AuthClient:
        client = AuthClient(
            id=uuid4(),
            name=name,
            authority="example.org",
            grant_type="authorization_code",
            redirect_uri="https://reader.test/",
            created=START,
        )
        session.add(client)
        session.flush()
        return client

    return make


@pytest.fixture
def grant(session: Session) -> Callable[..., str]:
    """Let an application in and return its access token: `grant(application, ann)`."""

    def make(application: AuthClient, user: User, *, browser_session: str | None = None, source: str = "code") -> str:
        token = f"5768-{uuid4()}"
        grant_id = oauth.start_grant(
            session,
            grant_id=None,
            user_id=user.id,
            client_id=application.id,
            source=source,
            now=START,
            browser_session=browser_session,
        )
        oauth.save_tokens(session, grant_id=grant_id, access_token=token, refresh_token=f"r{token}", now=START)
        return token

    return make


def userid(client: TestClient, token: str) -> Any:
    return client.get("/api/profile", headers={"Authorization": f"Bearer {token}"}).json()["userid"]


class TestList:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get(PATH).headers["location"] == "/login?next=%2Faccount%2Fsettings%2Fsessions"

    def test_of_a_session_that_has_ended_cannot_be_changed(self, submit: Callable[..., Any]) -> None:
        answer = submit("/login", {"others": "1"}, to=PATH)
        assert answer.headers["location"] == "/login?next=%2Faccount%2Fsettings%2Fsessions"

    def test_needs_the_token_of_the_form(self, client: TestClient, ann: User) -> None:
        assert client.post(PATH, data={"others": "1"}).status_code == 403

    def test_names_every_browser_and_which_is_this_one(
        self, client: TestClient, store: SessionStore, clock: FrozenClock, ann: User
    ) -> None:
        store.start(user_id=ann.id, now=clock.now(), agent="Firefox on <Linux>", address="192.0.2.7")
        clock.advance(minutes=5)
        shown = client.get(PATH)
        assert shown.status_code == 200
        assert shown.headers["cache-control"] == "no-store"
        assert "Firefox on &lt;Linux&gt;" in shown.text
        assert "192.0.2.7" in shown.text
        assert shown.text.count("this browser)") == 1
        assert re.findall(r">2026-01-02</span> (03:\d\d)</time>", shown.text)[:2] == ["03:04", "03:09"]

    def test_leaves_out_what_has_run_out_and_what_is_of_others(
        self, client: TestClient, store: SessionStore, clock: FrozenClock, session: Session, ann: User
    ) -> None:
        store.start(user_id=ann.id, now=clock.now() - timedelta(days=91), agent="Old")
        store.start(user_id=make_user(session).id, now=clock.now(), agent="Foreign")
        shown = client.get(PATH).text
        assert "Old" not in shown
        assert "Foreign" not in shown

    def test_of_very_many_shows_the_ones_used_last_and_this_one(
        self, client: TestClient, store: SessionStore, clock: FrozenClock, ann: User
    ) -> None:
        for number in range(MAX_SHOWN + 5):
            store.start(user_id=ann.id, now=clock.now() + timedelta(seconds=number), agent=f"B{number:03}")
        shown = client.get(PATH).text
        assert shown.count('name="end"') == MAX_SHOWN
        assert "this browser)" in shown
        assert f"B{MAX_SHOWN + 4:03}" in shown
        assert "B000" not in shown

    def test_is_short_for_whoever_has_nothing_else(self, client: TestClient, ann: User) -> None:
        shown = client.get(PATH).text
        assert "everywhere else" not in shown
        assert "You have given access to none" in shown


class TestEndOne:
    def test_ends_the_cookie_and_what_the_sidebar_got_with_it(
        self,
        client: TestClient,
        submit: Callable[..., Any],
        store: SessionStore,
        clock: FrozenClock,
        session: Session,
        *,
        ann: User,
        application: Callable[..., AuthClient],
        grant: Callable[..., str],
    ) -> None:
        cookie, there = store.start(user_id=ann.id, now=clock.now())
        sidebar = application("Sidebar")
        token = grant(sidebar, ann, browser_session=there.key)
        here = store.find(client.cookies[SESSION_COOKIE], now=clock.now())
        assert here is not None
        stays = grant(sidebar, ann, browser_session=here.key)
        answer = submit(PATH, {"end": there.key})
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)
        assert store.find(cookie, now=clock.now()) is None
        assert userid(client, token) is None
        assert userid(client, stays) == "acct:ann@example.org"
        assert [type(event) for event in recorded_events(session)] == [GrantRevoked]
        assert client.get(PATH).status_code == 200

    def test_of_this_browser_is_a_log_out(
        self, client: TestClient, submit: Callable[..., Any], store: SessionStore, clock: FrozenClock, ann: User
    ) -> None:
        cookie = client.cookies[SESSION_COOKIE]
        here = store.find(cookie, now=clock.now())
        assert here is not None
        assert submit(PATH, {"end": here.key}).headers["location"] == "/"
        assert SESSION_COOKIE not in client.cookies
        assert store.find(cookie, now=clock.now()) is None

    def test_cannot_be_done_to_others(
        self,
        submit: Callable[..., Any],
        store: SessionStore,
        clock: FrozenClock,
        session: Session,
        *,
        ann: User,
        application: Callable[..., AuthClient],
        grant: Callable[..., str],
    ) -> None:
        bob = make_user(session)
        cookie, theirs = store.start(user_id=bob.id, now=clock.now())
        grant(application(), bob, browser_session=theirs.key)
        for fields in ({"end": theirs.key}, {"others": "1"}, {"end": "nonsense"}, {"end": ""}, {}):
            assert submit(PATH, fields).status_code == 303
        assert store.find(cookie, now=clock.now()) is not None
        assert session.scalars(select(Grant.user_id)).all() == [bob.id]


class TestEndOthers:
    def test_leaves_this_one_alone(
        self,
        client: TestClient,
        submit: Callable[..., Any],
        store: SessionStore,
        clock: FrozenClock,
        session: Session,
        *,
        ann: User,
        application: Callable[..., AuthClient],
        grant: Callable[..., str],
    ) -> None:
        here = store.find(client.cookies[SESSION_COOKIE], now=clock.now())
        assert here is not None
        (one, first), (two, _) = (store.start(user_id=ann.id, now=clock.now()) for _ in range(2))
        sidebar = application("Sidebar")
        ended = [grant(sidebar, ann, browser_session=key) for key in (first.key, "of a session that ran out")]
        kept = [grant(sidebar, ann, browser_session=here.key), grant(application(), ann)]
        for key in (first.key, here.key):
            asked = {"redirect_uri": None, "code_challenge": None, "browser_session": key}
            oauth.save_code(
                session, code=f"code of {key}", client_id=sidebar.id, user_id=ann.id, now=clock.now(), **asked
            )
        submit(PATH, {"others": "1"})
        assert store.find(one, now=clock.now()) is None
        assert store.find(two, now=clock.now()) is None
        assert [userid(client, token) for token in ended] == [None, None]
        assert [userid(client, token) for token in kept] == ["acct:ann@example.org"] * 2
        assert session.scalars(select(AuthzCode.browser_session)).all() == [here.key]
        assert client.get(PATH).status_code == 200


class TestApplications:
    def test_are_listed_once_each_without_the_sidebar_of_a_browser_that_is_listed(
        self,
        client: TestClient,
        store: SessionStore,
        clock: FrozenClock,
        *,
        ann: User,
        application: Callable[..., AuthClient],
        grant: Callable[..., str],
    ) -> None:
        here = store.find(client.cookies[SESSION_COOKIE], now=clock.now())
        assert here is not None
        reader = application("The <Reader>")
        grant(reader, ann)
        grant(reader, ann)
        grant(application("Sidebar here"), ann, browser_session=here.key)
        grant(application("Sidebar of before"), ann, browser_session="of a session that ran out")
        grant(application("Platform"), ann, source="jwt")
        shown = client.get(PATH).text
        assert shown.count("<td>The &lt;Reader&gt;</td>") == 1
        assert "Sidebar here" not in shown
        assert "Sidebar of before" in shown
        assert "Platform" not in shown

    def test_whose_tokens_have_expired_are_gone(
        self, client: TestClient, clock: FrozenClock, ann: User, *, application: Any, grant: Any
    ) -> None:
        grant(application("Reader"), ann)
        clock.advance(days=60)
        assert "Reader" not in client.get(PATH).text

    def test_lose_their_access(
        self,
        client: TestClient,
        submit: Callable[..., Any],
        session: Session,
        *,
        ann: User,
        application: Callable[..., AuthClient],
        grant: Callable[..., str],
    ) -> None:
        reader, other = application("Reader"), application("Other")
        bob = make_user(session, username="bob")
        ended = [grant(reader, ann), grant(reader, ann)]
        stays, theirs = grant(other, ann), grant(reader, bob)
        assert submit(PATH, {"take_back": str(reader.id)}).headers["location"] == PATH
        assert [userid(client, token) for token in ended] == [None, None]
        assert userid(client, stays) == "acct:ann@example.org"
        assert userid(client, theirs) == "acct:bob@example.org"
        assert [type(event) for event in recorded_events(session)] == [GrantRevoked] * 2
        assert submit(PATH, {"take_back": "nonsense"}).status_code == 303
