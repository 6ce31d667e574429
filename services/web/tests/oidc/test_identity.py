"""`/account/settings/identity`, and what accounts without a password are asked instead."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.models import User, UserIdentity
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user
from hweb.accounts import passwords
from hweb.accounts import service as accounts
from hweb.oidc import service
from hweb.settings import Settings
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.web.tests.oidc.scripted import Scripted

PATH = "/account/settings/identity"
Connect = Callable[..., None]


@pytest.fixture
def ann(session: Session, sign_in: Callable[[int], None]) -> User:
    """Somebody who is signed in, and has a password."""
    ann = make_user(session, username="ann", password_hash=passwords.hash_password("long enough"))
    sign_in(ann.id)
    return ann


@pytest.fixture
def connect(session: Session, provider: Scripted, clock: FrozenClock) -> Connect:
    """Connect an account: `connect(ann, subject="1", provider="https://old.test")`."""

    def connect(user: User, *, subject: str = "1", provider_url: str = provider.url) -> None:
        service.connect(
            session,
            user_id=user.id,
            provider=provider_url,
            subject=subject,
            authority=user.authority,
            now=clock.now(),
        )

    return connect


def count(session: Session) -> int | None:
    return session.scalar(select(func.count()).select_from(UserIdentity))


class TestConnect:
    def test_leads_to_the_provider_and_back(
        self, client: TestClient, submit: Any, session: Session, provider: Scripted, ann: User
    ) -> None:
        assert PATH in client.get("/account/settings").text
        sent = submit(PATH, {}, to=f"{PATH}/connect")
        assert sent.status_code == 302
        back = client.get(provider.log_in(sent.headers["location"]))
        assert (back.status_code, back.headers["location"]) == (302, PATH)
        assert session.scalars(select(UserIdentity.user_id)).all() == [ann.id]
        shown = client.get(PATH).text
        assert "You can log in to this account with Example University" in shown
        assert "248289761001" in shown

    def test_lets_the_form_lead_to_the_provider(self, client: TestClient, ann: User) -> None:
        assert "form-action" not in client.get(PATH).headers["content-security-policy"]

    def test_needs_our_own_form(self, client: TestClient, ann: User) -> None:
        assert client.post(f"{PATH}/connect").status_code == 403
        assert client.post(PATH).status_code == 403

    def test_is_for_whoever_began_it(
        self,
        *,
        client: TestClient,
        submit: Any,
        sign_in: Callable[[int], None],
        session: Session,
        provider: Scripted,
        ann: User,
    ) -> None:
        back = provider.log_in(submit(PATH, {}, to=f"{PATH}/connect").headers["location"])
        sign_in(make_user(session).id)
        assert client.get(back).status_code == 400
        back = provider.log_in(submit(PATH, {}, to=f"{PATH}/connect").headers["location"])
        client.cookies.delete("h_session")
        assert client.get(back).status_code == 400
        assert count(session) == 0

    def test_takes_the_password_of_whoever_did_not_log_in_just_now(
        self, *, client: TestClient, submit: Any, session: Session, clock: FrozenClock, ann: User
    ) -> None:
        clock.advance(minutes=16)
        assert 'type="password"' in client.get(PATH).text
        for wrong in ({}, {"password": ""}, {"password": "a wrong one"}):
            refused = submit(PATH, wrong, to=f"{PATH}/connect")
            assert refused.status_code == 400
            assert "not your password" in refused.text
        assert submit(PATH, {"password": "long enough"}, to=f"{PATH}/connect").status_code == 302

    def test_takes_a_new_log_in_where_there_is_no_password(
        self, client: TestClient, submit: Any, session: Session, sign_in: Callable[[int], None], clock: FrozenClock
    ) -> None:
        sign_in(make_user(session).id)
        assert submit(PATH, {}, to=f"{PATH}/connect").status_code == 302
        clock.advance(minutes=16)
        refused = submit("/account/delete", {"password": ""}, to=f"{PATH}/connect")
        assert refused.status_code == 400
        assert "log in again" in refused.text

    def test_of_what_another_account_has_is_a_conflict(
        self, *, client: TestClient, submit: Any, session: Session, provider: Scripted, connect: Connect, ann: User
    ) -> None:
        connect(make_user(session), subject=provider.says["sub"])
        back = client.get(provider.log_in(submit(PATH, {}, to=f"{PATH}/connect").headers["location"]))
        assert back.status_code == 409
        assert "Another account" in back.text

    def test_visitors_log_in_first(self, client: TestClient, submit: Any) -> None:
        to_login = "/login?next=%2Faccount%2Fsettings%2Fidentity"
        assert client.get(PATH).headers["location"] == to_login
        assert submit("/login", {}, to=PATH).headers["location"] == to_login
        assert submit("/login", {}, to=f"{PATH}/connect").headers["location"] == to_login


class TestDisconnect:
    def _form(self, provider: str, subject: str = "1") -> dict[str, str]:
        return {"provider": provider, "provider_unique_id": subject}

    def test_takes_it_away(
        self, *, client: TestClient, submit: Any, session: Session, provider: Scripted, connect: Connect, ann: User
    ) -> None:
        connect(ann)
        answer = submit(PATH, self._form(provider.url))
        assert (answer.status_code, answer.headers["location"]) == (302, PATH)
        assert count(session) == 0
        assert "Connect with Example University" in client.get(PATH).text

    def test_keeps_the_last_way_in(
        self, submit: Any, session: Session, provider: Scripted, connect: Connect, ann: User
    ) -> None:
        ann.password_hash = None
        connect(ann)
        connect(ann, provider_url="https://old.test")  # through which nobody can log in any more
        answer = submit(PATH, self._form(provider.url))
        assert answer.status_code == 400
        assert "last way to log in" in answer.text
        assert submit(PATH, self._form("https://old.test")).status_code == 302
        connect(ann, subject="2")
        assert submit(PATH, self._form(provider.url)).status_code == 302
        assert submit(PATH, self._form(provider.url, "2")).status_code == 400
        assert count(session) == 1

    @pytest.mark.parametrize("subject", ["2", "", "\0"])
    def test_of_what_the_account_does_not_have_is_not_found(
        self, *, submit: Any, session: Session, provider: Scripted, connect: Connect, ann: User, subject: str
    ) -> None:
        connect(make_user(session), subject="2")
        assert submit(PATH, self._form(provider.url, subject)).status_code == 404
        assert count(session) == 1

    def test_of_two_at_once_keeps_one(self, fresh_database: Any, clock: FrozenClock) -> None:
        with fresh_database.transaction() as session:
            user_id = make_user(session).id
            for subject in ("1", "2"):
                service.connect(
                    session, user_id=user_id, provider="p", subject=subject, authority="example.org", now=clock.now()
                )
        outcomes = []

        def disconnect(session: Session, subject: str) -> None:
            service.disconnect(
                session, user_id=user_id, provider="p", subject=subject, issuer="p", password_counts=True
            )

        def disconnect_later() -> None:
            try:
                with fresh_database.transaction() as session:
                    disconnect(session, "2")
                outcomes.append("gone")
            except service.LastWayInError:
                outcomes.append("kept")

        thread = threading.Thread(target=disconnect_later)
        with fresh_database.transaction() as session:
            disconnect(session, "1")
            thread.start()
            thread.join(timeout=0.5)
            assert outcomes == []  # it waits for what becomes of the first
        thread.join()
        assert outcomes == ["kept"]


class TestDisconnectWithoutPasswords:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"password_login": False})

    def test_keeps_the_last_identity_whatever_the_password(
        self, submit: Any, session: Session, provider: Scripted, connect: Connect, ann: User
    ) -> None:
        connect(ann)
        assert submit(PATH, {"provider": provider.url, "provider_unique_id": "1"}).status_code == 400
        assert count(session) == 1


class TestAccountWithoutPassword:
    @pytest.fixture
    def pat(self, session: Session, connect: Connect, sign_in: Callable[[int], None]) -> User:
        pat = make_user(session, username="pat")
        connect(pat)
        sign_in(pat.id)
        return pat

    def test_is_deleted_by_its_name(
        self, client: TestClient, submit: Any, session: Session, provider: Scripted, pat: User
    ) -> None:
        shown = client.get("/account/delete").text
        assert 'type="password"' not in shown
        for wrong in ({}, {"username": ""}, {"username": "ann"}, {"password": ""}):
            answer = submit("/account/delete", wrong)
            assert answer.status_code == 400
            assert "not your user name" in answer.text
        assert submit("/account/delete", {"username": " P.at "}).headers["location"] == "/account/deleted"
        assert session.scalar(select(User.deleted))
        # Whoever comes again from the provider is a stranger, who may have another account at once.
        assert count(session) == 0

    def test_hears_how_to_get_a_password(self, client: TestClient, submit: Any, pat: User) -> None:
        shown = client.get("/account/settings/password").text
        assert "Your account has no password: you log in with Example University" in shown
        assert 'href="/forgot-password"' in shown
        assert not re.search('type="password"', shown)
        fields = {"password": "", "new_password": "long enough", "new_password_confirm": "long enough"}
        answer = submit("/account/delete", fields, to="/account/settings/password")
        assert answer.status_code == 400
        assert "has no password" in answer.text

    def test_can_have_one_mailed(
        self, client: TestClient, submit: Any, session: Session, pat: User, clock: FrozenClock
    ) -> None:
        accounts.reset_password(session, user_id=pat.id, password_hash=passwords.hash_password("x"), now=clock.now())
        session.flush()
        assert 'type="password"' in client.get("/account/settings/password").text
