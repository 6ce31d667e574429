"""Making an account with an identity, and connecting one that exists."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hcommon.models import User, UserDeletion, UserIdentity
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_user, recorded_events
from httpx2 import Response
from hweb.accounts import limits, passwords
from hweb.accounts.schemas import NewAccount
from hweb.accounts.service import SignUp
from hweb.oidc import service
from hweb.oidc.pending import LIFETIME
from hweb.oidc.schemas import Claims, IdentityTakenError
from hweb.resources import Resources
from hweb.settings import Settings
from hweb.twofactor import service as twofactor
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.web.tests.oidc.conftest import LogIn
from services.web.tests.oidc.scripted import Scripted

PASSWORD = "correct horse battery"
CONSENT = {"privacy_accepted": "true"}
VERIFIED = {"email": "Nina@example.net", "email_verified": True, "preferred_username": "nina"}


def identities(session: Session) -> list[tuple[int, str]]:
    rows = session.execute(select(UserIdentity.user_id, UserIdentity.provider_unique_id))
    return [(row.user_id, row.provider_unique_id) for row in rows]


@pytest.fixture
def arrive(log_in: LogIn, provider: Scripted) -> Callable[..., str]:
    """Come back from the provider as a stranger; returns where that leads."""

    def arrive(path: str = "/oidc/login", **says: Any) -> str:
        provider.says |= says
        answer = log_in(path)
        assert answer.status_code == 302
        location: str = answer.headers["location"]
        return location

    return arrive


@pytest.fixture
def sign_up(client: TestClient) -> Callable[..., Response]:
    """Fill in the form at an address: `sign_up(page, username="nina")`."""

    def sign_up(page: str, **fields: str) -> Response:
        shown = client.get(page)
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
        return client.post(page.partition("?")[0], data=hidden | fields)

    return sign_up


class TestSignUp:
    def test_with_a_verified_address_signs_in_at_once(
        self, client: TestClient, session: Session, arrive: Any, sign_up: Any, clock: FrozenClock
    ) -> None:
        page = arrive("/oidc/login?next=/groups/new", **VERIFIED)
        shown = client.get(page).text
        assert 'value="nina"' in shown
        assert "Messages to you go to <strong>Nina@example.net</strong>" in shown
        assert 'type="password"' not in shown
        answer = sign_up(page, username="nina", comms_opt_in="true", email="other@example.net", **CONSENT)
        assert (answer.status_code, answer.headers["location"]) == (302, "/groups/new")
        user = session.scalars(select(User)).one()
        assert (user.username, user.email, user.authority) == ("nina", "Nina@example.net", "example.org")
        assert user.activated_at == user.privacy_accepted_at == clock.now()
        assert user.comms_opt_in
        assert user.password_hash is None
        assert recorded_events(session) == []
        assert identities(session) == [(user.id, "248289761001")]
        assert client.get("/login").status_code == 302

    def test_happens_once_and_then_the_provider_is_enough(
        self, client: TestClient, session: Session, arrive: Any, sign_up: Any
    ) -> None:
        page = arrive(**VERIFIED)
        assert sign_up(page, username="nina", **CONSENT).status_code == 302
        client.cookies.delete("h_session")
        assert client.get(page).status_code == 400
        assert arrive() == "/"
        assert session.scalar(select(func.count()).select_from(User)) == 1

    @pytest.mark.parametrize("verified", [False, None, "false", "yes", 1.5, []])
    def test_with_an_address_that_is_not_verified_waits_for_the_mailed_link(
        self, *, client: TestClient, session: Session, arrive: Any, sign_up: Any, log_in: LogIn, verified: Any
    ) -> None:
        page = arrive(**(VERIFIED | {"email_verified": verified}))
        assert 'name="email" type="email" value="Nina@example.net"' in client.get(page).text
        answer = sign_up(page, username="nina", email="mine@example.net", **CONSENT)
        assert "Check your e-mail" in answer.text
        assert client.get("/login").status_code == 200
        user = session.scalars(select(User)).one()
        assert (user.email, user.activated_at) == ("mine@example.net", None)
        [event] = recorded_events(session)
        assert event.user_id == user.id
        assert log_in().status_code == 400
        user.activated_at = user.created
        session.flush()
        assert log_in().headers["location"] == "/"

    def test_with_an_unverified_address_that_is_in_use_says_the_same_and_does_nothing(
        self, session: Session, arrive: Any, sign_up: Any
    ) -> None:
        make_user(session, username="bob", email="bob@example.net")
        page = arrive(email="bob@example.net")
        assert page.startswith("/oidc/signup?")
        assert "Check your e-mail" in sign_up(page, username="nina", email="Bob@example.net", **CONSENT).text
        assert identities(session) == []
        assert recorded_events(session) == []

    def test_does_not_connect_an_account_that_somebody_else_left_waiting(
        self, session: Session, arrive: Any, sign_up: Any
    ) -> None:
        make_user(session, username="nina", email="nina@example.net", activated_at=None)
        page = arrive(email="nina@example.net")
        assert sign_up(page, username="nina", email="nina@example.net", **CONSENT).status_code == 400
        # Nor when it is made in the same moment, between the check and the writing.
        outcome = service.sign_up(
            session,
            new=NewAccount("nina", "nina@example.net", "", privacy_accepted=True),
            provider="p",
            subject="s",
            authority="example.org",
            now=START,
        )
        assert outcome is SignUp.PENDING
        assert identities(session) == []

    def test_takes_a_verified_address_from_an_account_that_never_proved_it(
        self, session: Session, arrive: Any, sign_up: Any
    ) -> None:
        squatter = make_user(
            session,
            username="squatter",
            email="nina@example.net",
            activated_at=None,
            password_hash=passwords.hash_password(PASSWORD),
        )
        page = arrive(**VERIFIED)
        assert page.startswith("/oidc/signup?")
        assert sign_up(page, username="nina", **CONSENT).status_code == 302
        session.refresh(squatter)
        assert squatter.email is None
        assert squatter.activated_at is None

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"username": "x"}, "3 to 30 letters"),
            ({"username": "admin"}, "This name is taken"),
            ({"username": "B.OB"}, "This name is taken"),
            ({"username": "late"}, "This name is taken"),
            ({"privacy_accepted": ""}, "accept the privacy policy"),
        ],
        ids=str,
    )
    def test_refuses_what_any_sign_up_refuses(
        self,
        *,
        session: Session,
        arrive: Any,
        sign_up: Any,
        clock: FrozenClock,
        fields: dict[str, str],
        said: str,
    ) -> None:
        make_user(session, username="bob")
        session.add(
            UserDeletion(
                user_id=1,
                username="late",
                username_normalized="late",
                authority="example.org",
                requested_by="h",
                requested_at=clock.now() - timedelta(days=30),
                annotations=0,
            )
        )
        session.flush()
        page = arrive(**VERIFIED)
        answer = sign_up(page, **({"username": "nina"} | CONSENT | fields))
        assert answer.status_code == 400
        assert said in answer.text
        assert identities(session) == []
        assert sign_up(page, username="nina", **CONSENT).status_code == 302  # the page goes on serving

    def test_of_a_bad_address_says_so(self, arrive: Any, sign_up: Any) -> None:
        assert "Must be an e-mail address" in sign_up(arrive(), username="nina", email="no", **CONSENT).text

    def test_says_when_the_verified_address_was_deleted_lately(
        self, session: Session, arrive: Any, sign_up: Any
    ) -> None:
        make_user(session, email="nina@example.net", deleted=True)
        answer = sign_up(arrive(**VERIFIED), username="nina", **CONSENT)
        assert answer.status_code == 400
        assert "try again tomorrow" in answer.text

    def test_is_limited_by_address(self, arrive: Any, sign_up: Any) -> None:
        page = arrive(**VERIFIED)
        for _ in range(limits.SIGNUP_BY_ADDRESS.attempts):
            assert sign_up(page, username="x").status_code == 400
        assert sign_up(page, username="nina", **CONSENT).status_code == 429

    def test_needs_the_browser_that_came_from_the_provider(
        self, client: TestClient, session: Session, arrive: Any
    ) -> None:
        page = arrive(**VERIFIED)
        client.cookies.delete("h_oidc")
        assert client.get(page).status_code == 400
        client.cookies.set("h_oidc", "x" * 43, domain="example.org")
        assert client.get(page).status_code == 400

    def test_takes_some_minutes_at_most(self, client: TestClient, arrive: Any, clock: FrozenClock) -> None:
        page = arrive(**VERIFIED)
        clock.advance(seconds=LIFETIME.total_seconds())
        assert client.get(page).status_code == 400

    def test_needs_our_own_form(self, client: TestClient, arrive: Any, session: Session) -> None:
        page = arrive(**VERIFIED)
        ticket = page.partition("ticket=")[2]
        client.get(page)
        answer = client.post("/oidc/signup", data={"ticket": ticket, "username": "nina"} | CONSENT)
        assert answer.status_code == 403

    def test_in_a_popup_has_no_way_but_through(self, client: TestClient, arrive: Any) -> None:
        target = urlencode({"next": "/oauth/authorize?client_id=x", "for_oauth": "True"})
        shown = client.get(arrive(f"/oidc/login?{target}", **VERIFIED))
        assert "site-header" not in shown.text
        assert "form-action" not in shown.headers["content-security-policy"]
        assert shown.headers["referrer-policy"] == "no-referrer"
        assert shown.headers["cache-control"] == "no-store"

    def test_reads_what_the_provider_keeps_out_of_the_token(
        self, client: TestClient, provider: Scripted, arrive: Any
    ) -> None:
        provider.userinfo = VERIFIED
        assert "<strong>Nina@example.net</strong>" in client.get(arrive()).text

    def test_believes_no_userinfo_of_somebody_else(self, provider: Scripted, log_in: LogIn) -> None:
        provider.userinfo = VERIFIED | {"sub": "other"}
        assert log_in().status_code == 503


class TestAddressOfAnAccount:
    @pytest.fixture
    def bob(self, session: Session) -> User:
        return make_user(
            session, username="bob", email="nina@EXAMPLE.net", password_hash=passwords.hash_password(PASSWORD)
        )

    def test_connects_nothing_by_itself(self, client: TestClient, session: Session, arrive: Any, bob: User) -> None:
        page = arrive(**VERIFIED)
        assert page.startswith("/oidc/connect?")
        assert "There is an account <strong>bob</strong> with your mail address" in client.get(page).text
        assert client.get("/login").status_code == 200
        assert identities(session) == []

    def test_is_connected_by_logging_in_as_before(
        self, client: TestClient, session: Session, arrive: Any, sign_up: Any, bob: User
    ) -> None:
        page = arrive("/oidc/login?next=/groups/new&for_oauth=True", **VERIFIED)
        [login] = re.findall(r'href="(/login\?[^"]+)"', client.get(page).text)
        login = login.replace("&amp;", "&")
        assert "username=bob" in login
        assert "for_oauth=True" in login
        answer = sign_up(login, username="bob", password=PASSWORD)
        assert answer.headers["location"] == page
        assert "log in to the account <strong>bob</strong> with Example University" in client.get(page).text
        assert identities(session) == []  # until it is wanted
        answer = sign_up(page)
        assert answer.headers["location"] == "/groups/new"
        assert identities(session) == [(bob.id, "248289761001")]
        client.cookies.delete("h_session")
        assert arrive() == "/"

    def test_is_connected_only_with_the_second_factor_where_there_is_one(
        self, *, client: TestClient, session: Session, resources: Resources, arrive: Any, sign_up: Any, bob: User
    ) -> None:
        now = resources.clock.now()
        [code, *_] = twofactor.turn_on(session, user_id=bob.id, secret="A" * 32, step=0, keys=resources.keys, now=now)
        page = arrive("/oidc/login?next=/groups/new&for_oauth=True", **VERIFIED)
        [login] = re.findall(r'href="(/login\?[^"]+)"', client.get(page).text)
        second = sign_up(login.replace("&amp;", "&"), username="bob", password=PASSWORD).headers["location"]
        assert second.startswith("/login/two-factor?")
        assert "Log in with your password" in client.get(page).text  # the password alone connects nothing
        assert sign_up(second, code=code).headers["location"] == page
        assert sign_up(page).headers["location"] == "/groups/new"
        assert identities(session) == [(bob.id, "248289761001")]

    def test_is_not_connected_by_an_old_session_alone(
        self,
        *,
        client: TestClient,
        session: Session,
        arrive: Any,
        sign_up: Any,
        sign_in: Callable[[int], None],
        clock: FrozenClock,
        bob: User,
    ) -> None:
        sign_in(bob.id)
        stolen = client.cookies["h_session"]
        client.cookies.delete("h_session")
        clock.advance(minutes=16)
        page = arrive(**VERIFIED)
        client.cookies.set("h_session", stolen, domain="example.org")
        refused = sign_up(page)
        assert refused.status_code == 400
        assert "not your password" in refused.text
        assert identities(session) == []
        assert sign_up(page, password=PASSWORD).status_code == 302
        assert identities(session) == [(bob.id, "248289761001")]

    def test_cannot_be_signed_up_with(self, arrive: Any, sign_up: Any, session: Session, bob: User) -> None:
        page = arrive(**VERIFIED).replace("connect", "signup")
        answer = sign_up(page, username="nina", **CONSENT)
        assert answer.status_code == 400
        assert "There is an account with this address" in answer.text
        assert identities(session) == []

    def test_is_not_looked_at_while_unverified(self, arrive: Any, bob: User) -> None:
        assert arrive(email="nina@example.net").startswith("/oidc/signup?")

    def test_of_another_authority_is_somebody_elses(self, session: Session, arrive: Any) -> None:
        make_user(session, authority="lms.test", email="nina@example.net")
        assert arrive(**VERIFIED).startswith("/oidc/signup?")


class TestConnect:
    def test_without_a_next_page_leads_to_the_settings(
        self, client: TestClient, session: Session, arrive: Any, sign_up: Any, sign_in: Callable[[int], None]
    ) -> None:
        page = arrive()
        sign_in(make_user(session, username="carol").id)
        assert client.get(page).headers["location"] == page.replace("signup", "connect")
        answer = sign_up(page.replace("signup", "connect"))
        assert answer.headers["location"] == "/account/settings/identity"

    def test_of_an_identity_that_another_account_has_is_a_conflict(
        self,
        *,
        client: TestClient,
        session: Session,
        provider: Scripted,
        arrive: Any,
        sign_up: Any,
        sign_in: Callable[[int], None],
        clock: FrozenClock,
    ) -> None:
        page = arrive().replace("signup", "connect")
        whose = {"provider": provider.url, "subject": provider.says["sub"], "authority": "example.org"}
        owner = make_user(session).id
        service.connect(session, user_id=owner, now=clock.now(), **whose)
        service.connect(session, user_id=owner, now=clock.now(), **whose)  # twice is once
        sign_in(make_user(session).id)
        assert sign_up(page).status_code == 409
        assert len(identities(session)) == 1

    def test_of_somebody_who_is_not_logged_in_connects_nothing(
        self, client: TestClient, session: Session, arrive: Any, submit: Any
    ) -> None:
        page = arrive().replace("signup", "connect")
        ticket = page.partition("ticket=")[2]
        answer = submit("/login", {"ticket": ticket}, to="/oidc/connect")
        assert answer.headers["location"] == page
        assert identities(session) == []

    def test_by_two_accounts_at_once_has_one_winner(self, fresh_database: Any, clock: FrozenClock) -> None:
        with fresh_database.transaction() as session:
            users = [make_user(session).id for _ in range(2)]
        barrier, outcomes = threading.Barrier(2), []

        def connect(user_id: int) -> None:
            try:
                with fresh_database.transaction() as session:
                    barrier.wait(timeout=10)
                    service.connect(
                        session, user_id=user_id, provider="p", subject="s", authority="example.org", now=clock.now()
                    )
                outcomes.append("connected")
            except IdentityTakenError:
                outcomes.append("taken")

        threads = [threading.Thread(target=connect, args=(user_id,)) for user_id in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["connected", "taken"]

    def test_of_a_new_account_that_comes_too_late_makes_none(self, fresh_database: Any, clock: FrozenClock) -> None:
        with fresh_database.transaction() as session:
            owner = make_user(session).id
            service.connect(session, user_id=owner, provider="p", subject="s", authority="example.org", now=clock.now())
        new = NewAccount("nina", "nina@example.net", "", privacy_accepted=True)
        with pytest.raises(IdentityTakenError), fresh_database.transaction() as session:
            service.sign_up_verified(
                session, new=new, provider="p", subject="s", authority="example.org", now=clock.now()
            )
        with fresh_database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(User)) == 1


class TestSiteThatIsClosed:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"oidc_signup": False})

    def test_makes_no_accounts_of_strangers(
        self, client: TestClient, session: Session, arrive: Any, submit: Any
    ) -> None:
        page = arrive(**VERIFIED)
        assert page.startswith("/oidc/connect?")
        shown = client.get(page).text
        assert "no account here is connected" in shown
        assert "/oidc/signup" not in shown
        signup = page.replace("connect", "signup")
        assert client.get(signup).headers["location"] == page
        ticket = page.partition("ticket=")[2]
        answer = submit("/login", {"ticket": ticket, "username": "nina"} | CONSENT, to="/oidc/signup")
        assert answer.headers["location"] == page
        assert session.scalar(select(func.count()).select_from(User)) == 0


class TestSiteWithoutPasswords:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"password_login": False})

    def test_tells_the_owner_of_an_account_whom_to_ask(self, client: TestClient, session: Session, arrive: Any) -> None:
        make_user(session, username="bob", email="nina@example.net")
        shown = client.get(arrive(**VERIFIED)).text
        assert "Tell them that you are known as <code>248289761001</code>" in shown
        assert "/login?" not in shown


class TestClaims:
    @pytest.mark.parametrize(
        ("values", "username"),
        [
            ({"preferred_username": "nina.b"}, "nina.b"),
            ({"preferred_username": "nina@example.net"}, "nina"),
            ({"preferred_username": "Zoë Müller"}, "Zoe_Muller"),
            ({"preferred_username": ".nina."}, "nina"),
            ({"preferred_username": "x" * 99}, "x" * 30),
            ({"preferred_username": "名前", "email": "nina@example.net"}, "nina"),
            ({"preferred_username": ["a"], "email": "nina@example.net"}, "nina"),
            ({"preferred_username": "a"}, ""),
            ({}, ""),
        ],
    )
    def test_suggest_a_name_that_may_be_had(self, values: dict[str, Any], username: str) -> None:
        assert Claims.of("1", values).username == username

    @pytest.mark.parametrize("email", ["nina", "", "a b@example.net", 7, None, "x" * 100 + "@example.net", "a\0@b"])
    def test_hold_no_address_that_cannot_be_written_to(self, email: Any) -> None:
        claims = Claims.of("1", {"email": email, "email_verified": True})
        assert (claims.email, claims.email_verified) == ("", False)

    def test_take_the_word_true_for_true(self) -> None:
        assert Claims.of("1", {"email": "a@example.net", "email_verified": "true"}).email_verified
