"""Another e-mail address for an account."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hcommon.events.accounts import EmailChanged, EmailChangeRequested, GrantRevoked
from hcommon.models import User
from hcommon.sessions import SessionStore
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_access_token, make_user, recorded_events
from hweb.accounts import limits, passwords
from hweb.accounts.links import CHANGE_EMAIL
from hweb.app import create_app
from hweb.resources import Resources
from hweb.visitor import SESSION_COOKIE
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/account/settings/email"
PASSWORD = "correct horse battery"
FORM = {"email": "new@example.net", "password": PASSWORD}


@pytest.fixture(scope="module")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def ann(session: Session, sign_in: Callable[[int], None], password_hash: str) -> User:
    """Somebody who is signed in."""
    user = make_user(session, username="ann", password_hash=password_hash)
    sign_in(user.id)
    return user


@pytest.fixture
def link(resources: Resources) -> Callable[..., str]:
    """Return the address that the worker mails."""

    def make(user: User, *, email: str = "new@example.net") -> str:
        changed = user.password_changed_at.timestamp() if user.password_changed_at else None
        expires_at = resources.clock.now() + timedelta(hours=24)
        code = resources.keys.sign(CHANGE_EMAIL, [user.id, email, user.email, changed], expires_at=expires_at)
        return f"/account/email/{code}"

    return make


@pytest.fixture
def elsewhere(resources: Resources) -> TestClient:
    """Another browser."""
    return TestClient(create_app(resources), base_url="http://example.org", follow_redirects=False)


def post(client: TestClient, path: str) -> Any:
    token = client.get(path).text.split('name="csrf_token" value="')[-1].split('"')[0]
    return client.post(path, data={"csrf_token": token})


class TestRequest:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get(PATH).headers["location"] == "/login?next=%2Faccount%2Fsettings%2Femail"

    def test_of_a_session_that_has_ended_changes_nothing(self, submit: Any, session: Session) -> None:
        assert submit("/login", FORM, to=PATH).headers["location"] == "/login?next=%2Faccount%2Fsettings%2Femail"
        assert recorded_events(session) == []

    def test_changes_nothing_yet(self, submit: Any, session: Session, ann: User) -> None:
        answer = submit(PATH, FORM)
        assert answer.status_code == 200
        assert "new@example.net" in answer.text
        [event] = recorded_events(session)
        assert isinstance(event, EmailChangeRequested)
        assert (event.user_id, event.email, event.old_email) == (ann.id, "new@example.net", "ann@example.org")
        assert event.password_changed_at is None
        session.refresh(ann)
        assert ann.email == "ann@example.org"

    def test_answers_the_same_for_an_address_in_use(self, submit: Any, session: Session, ann: User) -> None:
        free = submit(PATH, FORM)
        make_user(session, email="used@example.net")
        used = submit(PATH, FORM | {"email": "used@example.net"})
        assert used.status_code == free.status_code
        texts = [re.sub(r'value="[^"]+"', "", answer.text) for answer in (free, used)]
        assert texts[1].replace("used@", "new@") == texts[0]
        assert len(recorded_events(session)) == 2

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"password": "a wrong one"}, "not your password"),
            ({"password": ""}, "not your password"),
            ({"email": "nonsense"}, "Must be an e-mail address"),
            ({"email": ""}, "Must be an e-mail address"),
            ({"email": "ann@example.org"}, "your address already"),
        ],
    )
    def test_explains_what_is_wrong(
        self, submit: Any, session: Session, ann: User, *, changes: dict[str, str], said: str
    ) -> None:
        answer = submit(PATH, FORM | changes)
        assert answer.status_code == 400
        assert said in answer.text
        assert PASSWORD not in answer.text
        assert recorded_events(session) == []

    def test_needs_the_token_of_the_form(self, client: TestClient, ann: User) -> None:
        assert client.post(PATH, data=FORM).status_code == 403

    def test_cannot_be_tried_without_end(self, submit: Any, ann: User) -> None:
        statuses = [submit(PATH, FORM | {"password": "a wrong one"}).status_code for _ in range(11)]
        assert statuses == [400] * limits.EMAIL_BY_ACCOUNT.attempts + [429]

    def test_does_not_flood_a_mailbox(self, submit: Any, session: Session, ann: User) -> None:
        for _ in range(limits.EMAIL_MAIL_TO_ADDRESS.attempts + 2):
            assert submit(PATH, FORM).status_code == 200
        assert len(recorded_events(session)) == limits.EMAIL_MAIL_TO_ADDRESS.attempts

    def test_an_account_without_a_password_gets_one_first(
        self, client: TestClient, submit: Any, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session, username="jo_hn").id)
        shown = client.get(PATH).text
        assert 'href="/forgot-password"' in shown
        assert 'name="email"' not in shown
        answer = submit("/logout", {"email": "new@example.net", "username": "jo_hn"}, to=PATH)
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)
        assert recorded_events(session) == []


class TestLink:
    def test_asks_first(self, client: TestClient, session: Session, ann: User, link: Callable[..., str]) -> None:
        shown = client.get(link(ann))
        assert shown.status_code == 200
        assert "new@example.net" in shown.text
        assert (shown.headers["cache-control"], shown.headers["referrer-policy"]) == ("no-store", "no-referrer")
        session.refresh(ann)
        assert ann.email == "ann@example.org"

    def test_changes_the_address_and_ends_all_other_log_ins(
        self,
        client: TestClient,
        session: Session,
        resources: Resources,
        ann: User,
        *,
        link: Callable[..., str],
    ) -> None:
        store, now = SessionStore(resources.redis), resources.clock.now()
        other, _ = store.start(user_id=ann.id, now=now)
        before = client.cookies[SESSION_COOKIE]
        token = make_access_token(session, user=ann)
        answer = post(client, link(ann))
        assert (answer.status_code, answer.headers["location"]) == (302, "/account/settings")
        session.refresh(ann)
        assert ann.email == "new@example.net"
        assert "new@example.net" in client.get("/account/settings").text
        assert store.find(other, now=now) is None
        assert store.find(before, now=now) is None
        assert client.get("/api/profile", headers={"Authorization": f"Bearer {token}"}).json()["userid"] is None
        revoked, told = recorded_events(session)
        assert isinstance(revoked, GrantRevoked)
        assert isinstance(told, EmailChanged)
        assert told.old_email == "ann@example.org"

    def test_in_a_browser_that_is_not_logged_in_logs_nobody_in(
        self, session: Session, ann: User, link: Callable[..., str], elsewhere: TestClient, client: TestClient
    ) -> None:
        answer = post(elsewhere, link(ann))
        assert answer.status_code == 200
        assert "new@example.net" in answer.text
        assert SESSION_COOKIE not in elsewhere.cookies
        assert client.get("/account/settings").status_code == 302

    def test_leaves_somebody_else_logged_in(
        self,
        client: TestClient,
        session: Session,
        ann: User,
        link: Callable[..., str],
        sign_in: Callable[[int], None],
    ) -> None:
        sign_in(make_user(session, username="bob").id)
        assert post(client, link(ann)).status_code == 200
        assert "bob" in client.get("/account/settings").text

    def test_of_an_account_without_an_address_tells_nobody(
        self, client: TestClient, session: Session, link: Callable[..., str]
    ) -> None:
        user = make_user(session, email=None)
        assert post(client, link(user)).status_code == 200
        assert recorded_events(session) == []

    def test_works_once_even_when_the_address_of_before_comes_back(
        self, client: TestClient, session: Session, clock: FrozenClock, ann: User, link: Callable[..., str]
    ) -> None:
        first = link(ann)
        post(client, first)
        assert client.get(first).status_code == 404
        session.refresh(ann)
        clock.advance(minutes=1)
        assert post(client, link(ann, email="ann@example.org")).status_code == 302
        assert client.get(first).status_code == 404

    @pytest.mark.parametrize(
        "change",
        [{"email": "x@example.org"}, {"email": None}, {"password_changed_at": START}, {"deleted": True}],
    )
    def test_is_void_once_the_account_has_changed(
        self, elsewhere: TestClient, session: Session, ann: User, *, link: Callable[..., str], change: dict[str, Any]
    ) -> None:
        path = link(ann)
        for name, value in change.items():
            setattr(ann, name, value)
        session.flush()
        assert elsewhere.get(path).status_code == 404

    def test_expires_and_cannot_be_forged(
        self, client: TestClient, resources: Resources, clock: FrozenClock, ann: User, link: Callable[..., str]
    ) -> None:
        path = link(ann)
        assert client.get(path + "x").status_code == 404
        other = resources.keys.sign("reset-password", [ann.id, "new@example.net", ann.email, None])
        assert client.get(f"/account/email/{other}").status_code == 404
        odd = resources.keys.sign(CHANGE_EMAIL, {"a": 1})
        assert client.get(f"/account/email/{odd}").status_code == 404
        clock.advance(hours=25)
        assert client.get(path).status_code == 404

    def test_to_an_address_that_was_taken_meanwhile_changes_nothing(
        self, client: TestClient, session: Session, ann: User, link: Callable[..., str]
    ) -> None:
        path = link(ann)
        make_user(session, email="New@example.net")
        answer = post(client, path)
        assert answer.status_code == 409
        assert "Another account has this address" in answer.text
        session.refresh(ann)
        assert ann.email == "ann@example.org"
        assert client.get("/account/settings").status_code == 200
        assert recorded_events(session) == []

    def test_needs_the_token_of_the_form(self, client: TestClient, ann: User, link: Callable[..., str]) -> None:
        assert client.post(link(ann)).status_code == 403
