"""Turning the second factor on and off."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.accounts import SecondFactorChange, SecondFactorChanged
from hcommon.models import SecondFactor, User
from hcommon.sessions import SessionStore
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user, recorded_events
from hweb.accounts import limits
from hweb.resources import Resources
from hweb.twofactor import codes, service
from hweb.twofactor.pages.settings import SETUP, SETUP_LIFETIME
from hweb.visitor import SESSION_COOKIE
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.web.tests.twofactor.conftest import PASSWORD, Device, token_of

PATH = "/account/settings/two-factor"
START = {"action": "start", "password": PASSWORD}


@pytest.fixture
def signed_in(sign_in: Callable[[int], None], ann: User) -> User:
    sign_in(ann.id)
    return ann


@pytest.fixture
def start(submit: Callable[..., Any], signed_in: User, clock: FrozenClock) -> Callable[[], Any]:
    """Bring the password and return what the page then shows: `(fields, device)`."""

    def run() -> Any:
        shown = submit(PATH, START)
        assert shown.status_code == 200
        found = re.search(r'name="setup" value="([^"]+)"', shown.text)
        secret = re.search(r"Secret: <code>([A-Z2-7 ]+)</code>", shown.text)
        assert found
        assert secret
        fields = {"action": "confirm", "setup": found[1], "csrf_token": token_of(shown.text)}
        return fields, Device(signed_in, secret[1].replace(" ", ""), clock), shown

    return run


def is_on(session: Session) -> bool:
    return bool(session.scalars(select(SecondFactor.user_id)).all())


def told(session: Session) -> list[SecondFactorChange]:
    return [event.change for event in recorded_events(session) if isinstance(event, SecondFactorChanged)]


def shown_codes(text: str) -> list[str]:
    return re.findall(r"<li><code>([a-z2-7-]{19})</code></li>", text)


class TestTurnOn:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get(PATH).headers["location"] == "/login?next=%2Faccount%2Fsettings%2Ftwo-factor"

    def test_of_a_session_that_has_ended_does_not_begin(self, submit: Any) -> None:
        answer = submit("/login", START, to=PATH)
        assert answer.headers["location"] == "/login?next=%2Faccount%2Fsettings%2Ftwo-factor"

    def test_needs_the_password(self, submit: Any, session: Session, signed_in: User) -> None:
        answer = submit(PATH, START | {"password": "a wrong one"})
        assert answer.status_code == 400
        assert "not your password" in answer.text
        assert "Secret:" not in answer.text

    def test_shows_the_secret_as_a_picture_and_as_text_and_stores_nothing_yet(
        self, start: Any, session: Session
    ) -> None:
        _, device, shown = start()
        assert len(device.secret) == 32
        assert "<svg " in shown.text
        assert shown.headers["cache-control"] == "no-store"
        assert "style-src 'self'" in shown.headers["content-security-policy"]
        assert not is_on(session)

    def test_counts_once_a_code_has_proved_it(
        self, client: TestClient, start: Any, session: Session, signed_in: User
    ) -> None:
        fields, device, _ = start()
        answer = client.post(PATH, data=fields | {"code": device.code()})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert len(set(shown_codes(answer.text))) == 10
        assert is_on(session)
        assert told(session) == [SecondFactorChange.TURNED_ON]
        after = client.get(PATH).text
        assert "<strong>on</strong>" in after
        assert "<strong>10</strong> recovery codes" in after
        assert shown_codes(after) == []

    def test_a_wrong_code_shows_the_same_secret_again(self, client: TestClient, start: Any, session: Session) -> None:
        fields, device, _ = start()
        answer = client.post(PATH, data=fields | {"code": "000000"})
        assert answer.status_code == 400
        assert codes.grouped(device.secret) in answer.text
        assert not is_on(session)

    @pytest.mark.parametrize("setup", ["", "nonsense", "other user", "other session", "other purpose", "expired"])
    def test_a_secret_that_was_not_shown_here_does_not_count(
        self,
        client: TestClient,
        start: Any,
        session: Session,
        resources: Resources,
        *,
        clock: FrozenClock,
        signed_in: User,
        setup: str,
    ) -> None:
        fields, device, _ = start()
        here = SessionStore(resources.redis).find(client.cookies[SESSION_COOKIE], now=clock.now())
        assert here is not None
        secret, keys = device.secret, resources.keys
        forged = {
            "other user": keys.sign(SETUP, [signed_in.id + 1, here.key, secret]),
            "other session": keys.sign(SETUP, [signed_in.id, "another", secret]),
            "other purpose": keys.sign("activate", [signed_in.id, here.key, secret]),
            "expired": fields["setup"],
        }
        if setup == "expired":
            clock.advance(seconds=SETUP_LIFETIME.total_seconds() + 1)
        answer = client.post(PATH, data=fields | {"setup": forged.get(setup, setup), "code": device.code()})
        assert answer.status_code == 303
        assert not is_on(session)

    def test_twice_keeps_the_first(
        self, client: TestClient, start: Any, session: Session, resources: Resources, signed_in: User
    ) -> None:
        fields, device, _ = start()
        service.turn_on(
            session,
            user_id=signed_in.id,
            secret=codes.new_secret(),
            step=1,
            keys=resources.keys,
            now=resources.clock.now(),
        )
        assert client.post(PATH, data=fields | {"code": device.code()}).status_code == 303
        assert told(session) == [SecondFactorChange.TURNED_ON]


class TestChange:
    def test_off_needs_password_and_code(
        self, client: TestClient, submit: Any, session: Session, signed_in: User, device: Device
    ) -> None:
        right = {"action": "off", "password": PASSWORD, "code": device.code()}
        for wrong in ({"password": "a wrong one"}, {"code": "000000"}, {"password": ""}, {"code": ""}):
            answer = submit(PATH, right | wrong)
            assert answer.status_code == 400
            assert is_on(session)
        answer = submit(PATH, right)
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)
        assert not is_on(session)
        assert told(session) == [SecondFactorChange.TURNED_ON, SecondFactorChange.TURNED_OFF]
        assert "<strong>off</strong>" in client.get(PATH).text

    def test_off_works_with_a_recovery_code(
        self, submit: Any, session: Session, signed_in: User, device: Device
    ) -> None:
        submit(PATH, {"action": "off", "password": PASSWORD, "code": device.recovery[0]})
        assert not is_on(session)

    def test_new_recovery_codes_void_the_old_ones(
        self,
        client: TestClient,
        submit: Any,
        session: Session,
        signed_in: User,
        *,
        device: Device,
        resources: Resources,
    ) -> None:
        refused = submit(PATH, {"action": "renew", "password": PASSWORD, "code": "000000"})
        assert refused.status_code == 400
        answer = submit(PATH, {"action": "renew", "password": PASSWORD, "code": device.recovery[9]})
        made = shown_codes(answer.text)
        assert len(made) == 10
        assert not set(made) & set(device.recovery)
        used = {"user_id": signed_in.id, "keys": resources.keys, "now": resources.clock.now()}
        assert not service.use_code(session, code=device.recovery[0], **used)
        assert service.use_code(session, code=made[0], **used)
        assert "<strong>9</strong> recovery codes" in client.get(PATH).text

    def test_a_code_that_was_used_counts_no_more(
        self, submit: Any, session: Session, signed_in: User, device: Device
    ) -> None:
        code = device.code()
        assert submit(PATH, {"action": "renew", "password": PASSWORD, "code": code}).status_code == 200
        assert submit(PATH, {"action": "off", "password": PASSWORD, "code": code}).status_code == 400
        assert is_on(session)

    @pytest.mark.parametrize("action", ["start", "confirm", "nonsense", ""])
    def test_what_does_not_fit_does_nothing(
        self, submit: Any, session: Session, signed_in: User, *, device: Device, action: str
    ) -> None:
        answer = submit(PATH, {"action": action, "password": PASSWORD, "code": device.code()})
        assert answer.status_code == 303
        assert is_on(session)

    def test_needs_the_token_of_the_form(self, client: TestClient, signed_in: User, device: Device) -> None:
        assert client.post(PATH, data={"action": "off"}).status_code == 403

    def test_cannot_be_tried_without_end(self, submit: Any, signed_in: User, device: Device) -> None:
        form = {"action": "off", "password": "a wrong one", "code": "000000"}
        statuses = [submit(PATH, form).status_code for _ in range(limits.SECOND_FACTOR_BY_ACCOUNT.attempts + 1)]
        assert statuses == [400] * limits.SECOND_FACTOR_BY_ACCOUNT.attempts + [429]


class TestWithoutPassword:
    def test_it_says_so_and_shows_no_form(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session).id)
        shown = client.get(PATH)
        assert shown.status_code == 200
        assert "without a password" in shown.text
        assert f'action="{PATH}"' not in shown.text
        posted = client.post(PATH, data={"csrf_token": token_of(shown.text), "action": "start"})
        assert (posted.status_code, posted.headers["location"]) == (303, PATH)
        assert not is_on(session)
