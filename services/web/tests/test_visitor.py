"""The browser's session as pages see it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hcommon.models import User
from hcommon.sessions import SessionStore
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import add_member, make_access_token, make_group, make_user
from hstandalone.valkey import EmbeddedValkey
from hweb.app import create_app
from hweb.deps import SessionReadDep, SessionUserDep, SessionWriteDep
from hweb.resources import Resources
from hweb.visitor import SESSION_COOKIE, browser_name, device_name
from redis import Redis
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"


@pytest.fixture
def alice(session: Session) -> User:
    return make_user(session, username="alice", admin=True)


@pytest.fixture
def pages(resources: Resources) -> TestClient:
    """An application of three routes that take the dependencies of pages."""
    app = FastAPI()
    app.state.resources = resources

    @app.get("/user")
    def user(user: SessionUserDep) -> dict[str, object]:
        return {"userid": user.userid, "admin": user.admin, "groups": sorted(user.group_pubids.values())}

    @app.get("/read")
    def read(read: SessionReadDep) -> str | None:
        with read() as reader:
            return reader.principal.userid

    @app.get("/write")
    def write(write: SessionWriteDep) -> str | None:
        with write() as writer:
            return writer.principal.userid

    return TestClient(app, base_url="http://example.org")


def signed_in(pages: TestClient, resources: Resources, user_id: int) -> None:
    cookie, _ = SessionStore(resources.redis).start(user_id=user_id, now=resources.clock.now())
    pages.cookies.set("h_session", cookie, domain="example.org")


class TestSessionUser:
    def test_is_the_session_s_user_with_rights_and_groups(
        self, pages: TestClient, resources: Resources, session: Session, alice: User
    ) -> None:
        group = make_group(session)
        add_member(session, group=group, user=alice)
        signed_in(pages, resources, alice.id)
        expected = {"userid": "acct:alice@example.org", "admin": True, "groups": [group.pubid]}
        assert pages.get("/user").json() == expected
        assert pages.get("/read").json() == pages.get("/write").json() == "acct:alice@example.org"

    @pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 44, "ä"])
    def test_is_nobody_without_a_session(self, pages: TestClient, cookie: str) -> None:
        headers = {"Cookie": f"h_session={cookie}".encode("latin-1")}
        assert pages.get("/user", headers=headers).json()["userid"] is None
        assert pages.get("/read", headers=headers).json() is None

    def test_is_nobody_once_the_account_is_deleted(
        self, pages: TestClient, resources: Resources, session: Session, alice: User
    ) -> None:
        signed_in(pages, resources, alice.id)
        alice.deleted = True
        session.flush()
        assert pages.get("/user").json()["userid"] is None

    def test_is_not_whom_a_token_speaks_for(self, pages: TestClient, session: Session, alice: User) -> None:
        headers = {"Authorization": f"Bearer {make_access_token(session, user=alice)}"}
        assert pages.get("/user", headers=headers).json()["userid"] is None

    def test_of_the_api_is_not_the_cookie_s(
        self, client: TestClient, sign_in: Callable[[int], None], alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get("/api/profile").json()["userid"] is None


class TestSession:
    def test_survives_a_restart_of_the_service(
        self, client: TestClient, sign_in: Callable[[int], None], resources: Resources, alice: User
    ) -> None:
        sign_in(alice.id)
        settings = resources.settings
        again = replace(resources, redis=Redis.from_url(settings.redis_url.get_secret_value()))
        restarted = TestClient(create_app(again), base_url="http://example.org", follow_redirects=False)
        restarted.cookies = client.cookies
        assert restarted.get("/login").status_code == 302
        again.redis.close()

    def test_says_which_browser_it_is(
        self, submit: Callable[..., Any], client: TestClient, resources: Resources, session: Session, clock: FrozenClock
    ) -> None:
        from hweb.accounts import passwords  # noqa: PLC0415 - the one test here that needs a password

        make_user(session, username="bob", password_hash=passwords.hash_password("long enough"))
        client.headers["User-Agent"] = FIREFOX
        submit("/login", {"username": "bob", "password": "long enough"})
        found = SessionStore(resources.redis).find(client.cookies[SESSION_COOKIE], now=clock.now())
        assert found is not None
        assert (found.agent, found.address) == ("Firefox on Linux", "testclient")

    @pytest.mark.parametrize(
        ("agent", "name"), [(FIREFOX, "Firefox"), (EDGE, "Edge"), ("", "other"), ("curl", "other")]
    )
    def test_calls_browsers_what_people_call_them(self, agent: str, name: str) -> None:
        assert browser_name(agent) == name

    @pytest.mark.parametrize(
        ("agent", "name"),
        [
            (FIREFOX, "Firefox on Linux"),
            (EDGE, "Edge on Windows"),
            ("Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1", "Safari on iOS"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605.1.15", "Safari on macOS"),
            ("curl", "other"),
        ],
    )
    def test_names_what_they_run_on(self, agent: str, name: str) -> None:
        assert device_name(agent) == name


class TestWithoutRedis:
    @pytest.fixture
    def stopped(self, resources: Resources, tmp_path: Path) -> Iterator[TestClient]:
        """A client whose application has lost its Redis."""
        with EmbeddedValkey(tmp_path / "valkey", durable=False) as server:
            redis = Redis.from_url(server.url())
            redis.ping()
        app = create_app(replace(resources, redis=redis))
        yield TestClient(app, base_url="http://example.org", follow_redirects=False, raise_server_exceptions=False)
        redis.close()

    def test_pages_that_need_a_session_answer_503_and_nobody_is_signed_out(self, stopped: TestClient) -> None:
        stopped.cookies.set("h_session", "A" * 43, domain="example.org")
        answer = stopped.get("/login")
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert "set-cookie" not in answer.headers

    def test_nobody_can_sign_in(self, stopped: TestClient) -> None:
        token = stopped.get("/login").text.split('name="csrf_token" value="')[1].split('"')[0]
        answer = stopped.post("/login", data={"csrf_token": token, "username": "alice", "password": "x"})
        assert answer.status_code == 503
        answer = stopped.post("/signup", data={"csrf_token": token, "username": "alice", "password": "x"})
        assert answer.status_code == 503

    def test_tokens_still_work(self, stopped: TestClient, session: Session, alice: User) -> None:
        headers = {"Authorization": f"Bearer {make_access_token(session, user=alice)}"}
        assert stopped.get("/api/profile", headers=headers).json()["userid"] == "acct:alice@example.org"
        assert stopped.post("/oauth/revoke", data={"token": headers["Authorization"][7:]}).status_code == 200
