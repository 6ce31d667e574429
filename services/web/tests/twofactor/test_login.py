"""Logging in with a second factor."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hcommon.crypto import KeyRing, UndecryptableError
from hcommon.events.accounts import SecondFactorChange, SecondFactorChanged
from hcommon.models import User
from hcommon.ratelimit import RateLimiter
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user, recorded_events
from hweb.accounts import limits
from hweb.accounts.halfway import HALFWAY_COOKIE, LIFETIME, HalfwayStore
from hweb.accounts.schemas import Account
from hweb.app import create_app
from hweb.resources import Resources
from hweb.twofactor import service
from hweb.visitor import SESSION_COOKIE
from redis import Redis
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.web.tests.twofactor.conftest import PASSWORD, Device, token_of

PATH = "/login/two-factor"


@pytest.fixture
def elsewhere(resources: Resources) -> TestClient:
    """Another browser."""
    return TestClient(create_app(resources), base_url="http://example.org", follow_redirects=False)


def told(session: Session) -> list[SecondFactorChange]:
    return [event.change for event in recorded_events(session) if isinstance(event, SecondFactorChanged)][1:]


class TestPassword:
    def test_alone_signs_nobody_in(
        self, client: TestClient, enter_password: Any, device: Device, is_in: Callable[[], bool]
    ) -> None:
        answer = enter_password()
        assert (answer.status_code, answer.headers["location"]) == (302, PATH)
        assert SESSION_COOKIE not in client.cookies
        assert not is_in()
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly; Max-Age=600; Path=/; SameSite=lax" in cookie

    def test_that_is_wrong_tells_nothing_of_the_second_factor(
        self, submit: Any, client: TestClient, device: Device
    ) -> None:
        answer = submit("/login", {"username": "ann", "password": "wrong wrong"})
        assert answer.status_code == 400
        assert "do not go together" in answer.text
        assert HALFWAY_COOKIE not in client.cookies

    def test_of_an_account_without_one_is_enough(
        self, enter_password: Any, ann: User, is_in: Callable[[], bool]
    ) -> None:
        assert enter_password().headers["location"] == "/"
        assert is_in()

    def test_leaves_somebody_else_signed_in_until_the_code_is_right(
        self,
        client: TestClient,
        session: Session,
        sign_in: Callable[[int], None],
        submit: Any,
        *,
        device: Device,
    ) -> None:
        sign_in(make_user(session, username="bob").id)
        submit("/logout", {"username": "ann", "password": PASSWORD}, to="/login")
        assert "bob" in client.get("/account/settings").text
        assert submit(PATH, {"code": device.code()}).status_code == 302
        assert "ann" in client.get("/account/settings").text


class TestCode:
    def test_completes_the_log_in(
        self, client: TestClient, submit: Any, enter_password: Any, device: Device, is_in: Callable[[], bool]
    ) -> None:
        enter_password()
        answer = submit(PATH, {"code": device.code()})
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        assert is_in()
        assert HALFWAY_COOKIE not in client.cookies

    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_may_be_of_the_step_before_or_after(
        self, submit: Any, enter_password: Any, device: Device, is_in: Callable[[], bool], steps: int
    ) -> None:
        enter_password()
        submit(PATH, {"code": device.code(steps=steps)})
        assert is_in()

    @pytest.mark.parametrize("steps", [-2, 2])
    def test_of_another_time_is_wrong(
        self, submit: Any, enter_password: Any, device: Device, is_in: Callable[[], bool], steps: int
    ) -> None:
        enter_password()
        answer = submit(PATH, {"code": device.code(steps=steps)})
        assert answer.status_code == 400
        assert "not right" in answer.text
        assert not is_in()

    @pytest.mark.parametrize("code", ["", "a\0b", "😀", "x" * 5000])
    def test_that_is_none_is_wrong(self, submit: Any, enter_password: Any, device: Device, code: str) -> None:
        enter_password()
        assert submit(PATH, {"code": code}).status_code == 400

    def test_works_once(
        self, submit: Any, enter_password: Any, device: Device, is_in: Callable[[], bool], clock: FrozenClock
    ) -> None:
        code = device.code()
        enter_password()
        assert submit(PATH, {"code": code}).status_code == 302
        submit("/logout", {})
        enter_password()
        assert submit(PATH, {"code": code}).status_code == 400
        assert submit(PATH, {"code": device.code(steps=-1)}).status_code == 400
        assert not is_in()
        clock.advance(seconds=30)
        assert submit(PATH, {"code": device.code()}).status_code == 302

    def test_that_turned_it_on_is_used_up(
        self, submit: Any, enter_password: Any, resources: Resources, session: Session, device: Device
    ) -> None:
        now = resources.clock.now()
        service.turn_off(session, user_id=device.user.id, now=now)
        step = int(now.timestamp()) // 30
        service.turn_on(session, user_id=device.user.id, secret=device.secret, step=step, keys=resources.keys, now=now)
        enter_password()
        assert submit(PATH, {"code": device.code()}).status_code == 400

    def test_of_an_older_secret_key_works_while_that_is_configured_and_is_then_under_the_new_one(
        self, resources: Resources, session: Session, device: Device
    ) -> None:
        old, new = resources.settings.secret_key.get_secret_value(), "another secret key, long enough to be accepted"
        used = {"user_id": device.user.id, "now": resources.clock.now()}
        with pytest.raises(UndecryptableError):
            service.use_code(session, code=device.code(), keys=KeyRing(new), **used)
        assert service.use_code(session, code=device.code(), keys=KeyRing(new, previous=old), **used)
        assert service.use_code(session, code=device.code(steps=1), keys=KeyRing(new), **used)

    def test_needs_the_token_of_the_form(self, client: TestClient, enter_password: Any, device: Device) -> None:
        enter_password()
        assert client.post(PATH, data={"code": device.code()}).status_code == 403

    def test_is_kept_encrypted(self, session: Session, device: Device) -> None:
        rows = session.execute(text("SELECT secret_encrypted FROM second_factor")).scalars().all()
        stored = session.execute(text("SELECT code_hash FROM recovery_code")).scalars().all()
        assert len(stored) == 10
        assert all(len(bytes(value)) == 32 for value in stored)
        assert device.secret not in rows[0]


class TestRecoveryCode:
    def test_works_once_and_the_owner_is_told(
        self, submit: Any, enter_password: Any, device: Device, is_in: Callable[[], bool], session: Session
    ) -> None:
        code = device.recovery[3].upper().replace("-", " ")
        enter_password()
        assert submit(PATH, {"code": code}).status_code == 302
        assert is_in()
        assert told(session) == [SecondFactorChange.RECOVERY_CODE_USED]
        submit("/logout", {})
        enter_password()
        assert submit(PATH, {"code": code}).status_code == 400
        assert submit(PATH, {"code": device.recovery[4]}).status_code == 302

    def test_is_of_one_account(
        self, submit: Any, enter_password: Any, device: Device, session: Session, resources: Resources
    ) -> None:
        now = resources.clock.now()
        other = make_user(session)
        theirs = service.turn_on(session, user_id=other.id, secret=device.secret, step=1, keys=resources.keys, now=now)
        assert theirs is not None
        enter_password()
        assert submit(PATH, {"code": theirs[0]}).status_code == 400

    def test_outlives_a_lost_secret_key(self, session: Session, resources: Resources, device: Device) -> None:
        keys = KeyRing("another secret key, without the one of before")
        used = {"user_id": device.user.id, "keys": keys, "now": resources.clock.now()}
        assert service.use_code(session, code=device.recovery[0], **used)


class TestHalfway:
    def test_needs_the_password_first(self, client: TestClient, device: Device) -> None:
        assert client.get(PATH, params={"next": "/a"}).headers["location"] == "/login?expired=1&next=%2Fa"
        assert "Please log in again" in client.get("/login?expired=1").text

    def test_expires(
        self, submit: Any, client: TestClient, enter_password: Any, device: Device, clock: FrozenClock
    ) -> None:
        enter_password()
        shown = client.get(PATH)
        clock.advance(seconds=LIFETIME.total_seconds() + 1)
        answer = client.post(PATH, data={"csrf_token": token_of(shown.text), "code": device.code()})
        assert answer.headers["location"] == "/login?expired=1"
        assert client.get(PATH).status_code == 302

    def test_expires_in_redis_too(
        self, client: TestClient, enter_password: Any, resources: Resources, *, device: Device
    ) -> None:
        enter_password()
        [key] = resources.redis.keys("h:halfway:*")
        assert 0 < resources.redis.ttl(key) <= LIFETIME.total_seconds()
        assert client.cookies[HALFWAY_COOKIE].encode() not in key + (resources.redis.get(key) or b"")

    def test_cannot_be_replayed(
        self, submit: Any, client: TestClient, enter_password: Any, device: Device, clock: FrozenClock
    ) -> None:
        enter_password()
        cookie = client.cookies[HALFWAY_COOKIE]
        assert submit(PATH, {"code": device.code()}).status_code == 302
        submit("/logout", {})
        clock.advance(seconds=60)
        client.cookies.set(HALFWAY_COOKIE, cookie, domain="example.org")
        assert client.get(PATH).headers["location"] == "/login?expired=1"

    def test_is_of_one_browser(
        self, client: TestClient, enter_password: Any, elsewhere: TestClient, device: Device
    ) -> None:
        enter_password()
        token = token_of(elsewhere.get("/login").text)
        answer = elsewhere.post(PATH, data={"csrf_token": token, "code": device.code()})
        assert answer.headers["location"] == "/login?expired=1"
        assert SESSION_COOKIE not in elsewhere.cookies
        # And the code was not spent on it.
        shown = client.get(PATH)
        assert client.post(PATH, data={"csrf_token": token_of(shown.text), "code": device.code()}).status_code == 302

    @pytest.mark.parametrize("change", ["password", "off", "deleted"])
    def test_is_void_once_the_account_has_changed(
        self,
        client: TestClient,
        enter_password: Any,
        session: Session,
        resources: Resources,
        *,
        device: Device,
        change: str,
    ) -> None:
        enter_password()
        shown = client.get(PATH)
        if change == "password":
            device.user.password_changed_at = resources.clock.now()
        elif change == "deleted":
            device.user.deleted = True
        else:
            service.turn_off(session, user_id=device.user.id, now=resources.clock.now())
        session.flush()
        answer = client.post(PATH, data={"csrf_token": token_of(shown.text), "code": device.code()})
        assert answer.headers["location"] == "/login?expired=1"
        assert SESSION_COOKIE not in client.cookies

    def test_that_another_request_has_used_spends_no_code(
        self, client: TestClient, enter_password: Any, resources: Resources, session: Session, device: Device
    ) -> None:
        """The other one has found the state too, and is faster by a moment."""

        class Faster(Redis):
            def delete(self, *names: Any) -> Any:
                super().delete(*names)
                return super().delete(*names)

        enter_password()
        shown = client.get(PATH)
        faster = Faster.from_url(resources.settings.redis_url.get_secret_value())
        racing = TestClient(
            create_app(replace(resources, redis=faster)), base_url="http://example.org", follow_redirects=False
        )
        racing.cookies = client.cookies
        form = {"csrf_token": token_of(shown.text), "code": device.recovery[0]}
        assert racing.post(PATH, data=form).headers["location"] == "/login?expired=1"
        used = {"user_id": device.user.id, "keys": resources.keys, "now": resources.clock.now()}
        assert service.use_code(session, code=device.recovery[0], **used)
        faster.close()

    def test_without_redis_is_503(self, resources: Resources, device: Device) -> None:
        away = replace(resources, redis=Redis(host="127.0.0.1", port=1, socket_connect_timeout=1))
        broken = TestClient(create_app(away), base_url="http://example.org", raise_server_exceptions=False)
        broken.cookies.set(HALFWAY_COOKIE, "A" * 43, domain="example.org")
        assert broken.get(PATH).status_code == 503

    def test_is_found_by_nothing_but_its_cookie(self, resources: Resources, clock: FrozenClock) -> None:
        store, now = HalfwayStore(resources.redis), clock.now()
        account = Account(
            id=7, username="x", email=None, password_hash=None, activated_at=now, admin=False, created=now
        )
        cookie = store.start(account, now=now)
        found = store.find(cookie, now=now)
        assert found is not None
        assert store.find("", now=now) is None
        assert store.find(found.key, now=now) is None
        assert store.finish(found)
        assert not store.finish(found)
        assert store.find(cookie, now=now + timedelta(seconds=1)) is None


class TestThrottling:
    def test_stops_guessing_and_a_new_log_in_does_not_help(
        self, submit: Any, enter_password: Any, device: Device
    ) -> None:
        enter_password()
        for _ in range(limits.SECOND_STEP_BY_ACCOUNT_AND_ADDRESS.attempts):
            assert submit(PATH, {"code": "000000"}).status_code == 400
        assert submit(PATH, {"code": device.code()}).status_code == 429
        enter_password()
        assert submit(PATH, {"code": device.code()}).status_code == 429

    def test_counts_by_account_too(
        self, submit: Any, enter_password: Any, resources: Resources, device: Device
    ) -> None:
        limiter, now = RateLimiter(resources.redis), resources.clock.now()
        elsewhere = limits.SECOND_STEP_BY_ACCOUNT.attempts - 1
        limiter.count(limits.SECOND_STEP_BY_ACCOUNT, str(device.user.id), now=now, attempts=elsewhere)
        enter_password()
        assert submit(PATH, {"code": "000000"}).status_code == 400
        assert submit(PATH, {"code": device.code()}).status_code == 429


class TestChain:
    def test_next_and_the_mark_of_a_popup_survive_the_page(
        self, client: TestClient, submit: Any, enter_password: Any, device: Device
    ) -> None:
        wanted = "http://example.org/oauth/authorize?a=1&state=x"
        first = enter_password(next=wanted, for_oauth="True")
        path = first.headers["location"]
        assert path.startswith(PATH + "?")
        shown = client.get(path)
        assert 'name="next" value="http://example.org/oauth/authorize?a=1&amp;state=x"' in shown.text
        assert 'name="for_oauth" value="True"' in shown.text
        assert 'href="/login"' not in shown.text
        assert "form-action" not in shown.headers["content-security-policy"]
        carried = {"next": wanted, "for_oauth": "True"}
        refused = submit(path, carried | {"code": "000000"}, to=PATH)
        assert refused.status_code == 400
        assert 'name="for_oauth" value="True"' in refused.text
        answer = submit(path, carried | {"code": device.code()}, to=PATH)
        assert answer.headers["location"] == "/oauth/authorize?a=1&state=x"

    @pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/\\evil.test"])
    def test_never_leads_to_another_site(self, submit: Any, enter_password: Any, device: Device, target: str) -> None:
        enter_password(next=target)
        assert submit(PATH, {"code": device.code(), "next": target}).headers["location"] == "/"


class TestResetPassword:
    def test_by_mail_leaves_it_on(
        self, client: TestClient, submit: Any, resources: Resources, device: Device, is_in: Callable[[], bool]
    ) -> None:
        code = resources.keys.sign("reset-password", [device.user.id, "ann@example.org", None])
        answer = submit(f"/account/reset/{code}", {"password": "brand-new one", "confirmation": "brand-new one"})
        assert answer.status_code == 302
        assert submit("/login", {"username": "ann", "password": "brand-new one"}).headers["location"] == PATH
        assert not is_in()
        assert submit(PATH, {"code": device.code()}).status_code == 302
        assert is_in()
