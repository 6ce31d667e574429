"""Logging in through the provider."""

import base64
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hcommon.models import User, UserIdentity
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user, recorded_events
from hweb.accounts import limits
from hweb.oidc.pending import LIFETIME
from hweb.resources import Resources
from hweb.settings import Settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.web.tests.oidc.conftest import LogIn
from services.web.tests.oidc.scripted import CLIENT_ID, CLIENT_SECRET, Key, Scripted


@pytest.fixture
def alice(session: Session, provider: Scripted) -> User:
    """Somebody whom the provider knows, and who has an account."""
    return connected(session, make_user(session, username="alice"), provider)


def connected(session: Session, user: User, provider: Scripted) -> User:
    session.add(
        UserIdentity(
            user_id=user.id,
            authority=user.authority,
            provider=provider.url,
            provider_unique_id=provider.says["sub"],
            created=user.created,
        )
    )
    session.flush()
    return user


def is_signed_in(client: TestClient) -> bool:
    return client.get("/login").status_code == 302


class TestLogIn:
    def test_signs_in_whom_the_provider_vouches_for(self, client: TestClient, log_in: LogIn, alice: User) -> None:
        answer = log_in()
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        assert answer.headers["cache-control"] == "no-store"
        assert "alice" in client.get("/account/settings").text

    def test_is_offered_on_the_pages_of_log_in_and_sign_up(self, client: TestClient) -> None:
        for path in ("/login", "/signup"):
            shown = client.get(path, params={"next": "/groups/new", "for_oauth": "True"}).text
            assert 'href="/oidc/login?next=%2Fgroups%2Fnew&amp;for_oauth=True"' in shown
            assert "with Example University</a>" in shown

    def test_asks_the_provider_once_for_what_seldom_changes(
        self, client: TestClient, log_in: LogIn, provider: Scripted, alice: User
    ) -> None:
        for _ in range(3):
            log_in()
            client.cookies.delete("h_session")
        assert [provider.asked.count(path) for path in ("/.well-known/openid-configuration", "/keys")] == [1, 1]

    def test_asks_for_everything_that_protects_it(self, client: TestClient) -> None:
        answer = client.get("/oidc/login")
        location = answer.headers["location"]
        assert "redirect_uri=http%3A%2F%2Fexample.org%2Foidc%2Fcallback" in location
        assert "scope=openid+profile+email" in location
        assert all(f"{name}=" in location for name in ("state", "nonce", "code_challenge"))
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("h_oidc=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie

    @pytest.mark.parametrize(
        ("target", "location"),
        [
            ("/oauth/authorize?a=1&state=x", "/oauth/authorize?a=1&state=x"),
            ("http://example.org/groups/new", "/groups/new"),
            ("https://evil.test/", "/"),
            ("//evil.test", "/"),
        ],
    )
    def test_leads_where_it_was_begun_for_and_never_to_another_site(
        self, client: TestClient, provider: Scripted, alice: User, target: str, location: str
    ) -> None:
        sent = client.get("/oidc/login", params={"next": target}).headers["location"]
        assert client.get(provider.log_in(sent)).headers["location"] == location

    def test_of_somebody_signed_in_goes_on_at_once(
        self, client: TestClient, sign_in: Callable[[int], None], alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get("/oidc/login?next=/groups/new").headers["location"] == "/groups/new"

    def test_ends_the_session_before(
        self, client: TestClient, log_in: LogIn, sign_in: Callable[[int], None], provider: Scripted, alice: User
    ) -> None:
        location = client.get("/oidc/login").headers["location"]
        sign_in(alice.id)
        before = client.cookies["h_session"]
        client.get(provider.log_in(location))
        assert client.cookies["h_session"] != before

    def test_of_an_account_that_waits_for_activation_sends_the_link_again_but_not_without_end(
        self, client: TestClient, log_in: LogIn, session: Session, provider: Scripted
    ) -> None:
        ina = connected(session, make_user(session, username="ina", activated_at=None), provider)
        for _ in range(limits.ACTIVATION_MAIL_BY_ACCOUNT.attempts + 2):
            answer = log_in()
            assert answer.status_code == 400
            assert "Check your e-mail" in answer.text
        assert not is_signed_in(client)
        events = recorded_events(session)
        assert [event.user_id for event in events] == [ina.id] * limits.ACTIVATION_MAIL_BY_ACCOUNT.attempts

    def test_of_a_shadow_banned_user_is_like_any_other(
        self, client: TestClient, log_in: LogIn, session: Session, alice: User
    ) -> None:
        alice.nipsa = True
        session.flush()
        assert log_in().headers["location"] == "/"
        assert is_signed_in(client)

    def test_of_a_deleted_account_signs_nobody_in(
        self, client: TestClient, log_in: LogIn, session: Session, alice: User
    ) -> None:
        alice.deleted = True
        session.flush()
        assert log_in().headers["location"].startswith("/oidc/signup?")
        assert not is_signed_in(client)

    def test_knows_no_account_of_another_authority(
        self, client: TestClient, log_in: LogIn, session: Session, provider: Scripted
    ) -> None:
        connected(session, make_user(session, username="alice", authority="lms.test"), provider)
        assert log_in().headers["location"].startswith("/oidc/signup?")

    def test_is_limited_by_address(self, client: TestClient) -> None:
        for _ in range(limits.LOGIN_BY_ADDRESS.attempts):
            client.get("/oidc/login")
        assert client.get("/oidc/login").status_code == 429


class TestReturn:
    def test_happens_once(self, client: TestClient, provider: Scripted, alice: User) -> None:
        back = provider.log_in(client.get("/oidc/login").headers["location"])
        assert client.get(back).status_code == 302
        client.cookies.delete("h_session")
        again = client.get(back)
        assert again.status_code == 400
        assert "was used already" in again.text
        assert not is_signed_in(client)

    @pytest.mark.parametrize("cookie", [None, "x" * 43, "short"])
    def test_to_another_browser_signs_nobody_in(
        self, client: TestClient, provider: Scripted, alice: User, cookie: str | None
    ) -> None:
        back = provider.log_in(client.get("/oidc/login").headers["location"])
        client.cookies.delete("h_oidc")
        if cookie:
            client.cookies.set("h_oidc", cookie, domain="example.org")
        assert client.get(back).status_code == 400
        assert not is_signed_in(client)
        assert "/token" not in provider.asked

    def test_after_a_while_is_too_late(
        self, client: TestClient, provider: Scripted, clock: FrozenClock, alice: User
    ) -> None:
        back = provider.log_in(client.get("/oidc/login").headers["location"])
        clock.advance(seconds=LIFETIME.total_seconds())
        assert client.get(back).status_code == 400

    @pytest.mark.parametrize("path", ["", "?state=", "?state=x&code=y", "?code=y", "?error=access_denied"])
    def test_that_nobody_was_sent_for(self, client: TestClient, provider: Scripted, path: str) -> None:
        assert client.get("/oidc/callback" + path).status_code == 400
        assert provider.asked == []

    def test_without_a_code_is_none(self, client: TestClient, provider: Scripted, alice: User) -> None:
        assert client.get(provider.log_in(client.get("/oidc/login").headers["location"], code="")).status_code == 400

    def test_from_two_tabs_works_for_both(self, client: TestClient, provider: Scripted, alice: User) -> None:
        first = provider.log_in(client.get("/oidc/login?next=/groups/new").headers["location"])
        second = provider.log_in(client.get("/oidc/login").headers["location"])
        assert client.get(first).headers["location"] == "/groups/new"
        assert client.get(second).headers["location"] == "/"

    def test_with_a_no_says_so(self, log_in: LogIn, client: TestClient, alice: User) -> None:
        answer = log_in(error="access_denied")
        assert answer.status_code == 403
        assert "Example University has not logged you in (access_denied)" in answer.text
        assert not is_signed_in(client)

    def test_repeats_only_words_of_the_protocol(self, log_in: LogIn) -> None:
        answer = log_in(error="Call 555-1234 at once", error_description="Really")
        assert "logged you in (error)" in answer.text
        assert "555" not in answer.text
        assert "Really" not in answer.text

    def test_from_another_issuer_is_refused_before_the_code_is_shown_to_anybody(
        self, log_in: LogIn, provider: Scripted, alice: User
    ) -> None:
        assert log_in(iss="https://other.test").status_code == 503
        assert "/token" not in provider.asked

    def test_has_to_name_the_issuer_if_the_provider_does(self, log_in: LogIn, provider: Scripted, alice: User) -> None:
        provider.metadata = {"authorization_response_iss_parameter_supported": True}
        assert log_in().status_code == 503
        assert log_in(iss=provider.url).status_code == 302


def _none(provider: Scripted, claims: dict[str, Any]) -> str:
    signed = provider.token(claims)
    return "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + "."


def _by_public_key(provider: Scripted, claims: dict[str, Any]) -> str:
    # What HS256 would verify with if the token could choose: PyJWT refuses to make it, so it is made by hand.
    pem = provider.key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').rstrip(b"=").decode()
    body = head + "." + provider.token(claims).split(".")[1]
    mac = base64.urlsafe_b64encode(hmac.digest(pem, body.encode(), "sha256")).rstrip(b"=").decode()
    return f"{body}.{mac}"


def _by_secret(provider: Scripted, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, CLIENT_SECRET + "x" * 40, algorithm="HS256")


def _by_somebody_else(provider: Scripted, claims: dict[str, Any]) -> str:
    return provider.token(claims, key=Key.rsa("first"))


def _altered(provider: Scripted, claims: dict[str, Any]) -> str:
    head, _, signature = provider.token(claims).split(".")
    return ".".join([head, provider.token(claims | {"sub": "other"}).split(".")[1], signature])


class TestToken:
    @pytest.mark.parametrize(
        "says",
        [
            {"iss": "https://other.test"},
            {"iss": None},
            {"aud": "another client"},
            {"aud": ["another client"]},
            {"aud": None},
            {"aud": [CLIENT_ID, "another client"]},
            {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
            {"azp": "another client"},
            {"exp": 1},
            {"exp": None},
            {"exp": "tomorrow"},
            {"exp": True},
            {"iat": 9_999_999_999},
            {"iat": None},
            {"nbf": 9_999_999_999},
            {"nonce": "another"},
            {"nonce": None},
            {"nonce": ["another"]},
            {"sub": None},
            {"sub": ""},
            {"sub": 7},
            {"sub": "x" * 256},
            {"sub": "a\0b"},
        ],
        ids=lambda says: str(says)[:50],
    )
    def test_of_another_log_in_client_time_or_issuer_is_worth_nothing(
        self, client: TestClient, log_in: LogIn, provider: Scripted, alice: User, says: dict[str, Any]
    ) -> None:
        provider.says |= says
        self._refused(client, log_in)

    @pytest.mark.parametrize("forge", [_none, _by_public_key, _by_secret, _by_somebody_else, _altered])
    def test_that_is_forged_is_worth_nothing(
        self,
        *,
        client: TestClient,
        log_in: LogIn,
        provider: Scripted,
        alice: User,
        forge: Callable[[Scripted, dict[str, Any]], str],
    ) -> None:
        provider.make_token = lambda claims: forge(provider, claims)
        self._refused(client, log_in)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "é", 7, None, {}])
    def test_that_is_none_is_worth_nothing(
        self, client: TestClient, log_in: LogIn, provider: Scripted, alice: User, token: Any
    ) -> None:
        provider.make_token = lambda _: token
        self._refused(client, log_in)

    def _refused(self, client: TestClient, log_in: LogIn) -> None:
        answer = log_in()
        assert answer.status_code == 503
        assert "Example University does not answer as it should" in answer.text
        assert not is_signed_in(client)

    @pytest.mark.parametrize(
        "says", [{"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}, {"azp": CLIENT_ID}], ids=str
    )
    def test_for_us_among_others_is_good(
        self, log_in: LogIn, provider: Scripted, alice: User, says: dict[str, Any]
    ) -> None:
        provider.says |= says
        assert log_in().status_code == 302

    def test_may_be_a_little_early_or_late(
        self, log_in: LogIn, provider: Scripted, clock: FrozenClock, alice: User
    ) -> None:
        provider.says |= {"iat": clock.now().timestamp() + 50, "exp": clock.now().timestamp() - 50}
        assert log_in().status_code == 302

    @pytest.mark.parametrize(
        "key", [Key.ec("curve"), Key.rsa("padded", "PS256"), Key.edwards("ed")], ids=lambda key: key.algorithm
    )
    def test_may_be_signed_by_other_algorithms(self, log_in: LogIn, provider: Scripted, alice: User, key: Key) -> None:
        provider.keys = [key]
        assert log_in().status_code == 302

    def test_without_a_key_id_needs_the_one_key_that_fits(self, log_in: LogIn, provider: Scripted, alice: User) -> None:
        provider.make_token = lambda claims: jwt.encode(claims, provider.key.private, algorithm="RS256")
        provider.keys = [provider.key, Key.ec("curve")]
        assert log_in().status_code == 302


class TestKeys:
    def test_that_were_rotated_are_asked_for_again(
        self, client: TestClient, log_in: LogIn, provider: Scripted, clock: FrozenClock, alice: User
    ) -> None:
        assert log_in().status_code == 302
        client.cookies.delete("h_session")
        provider.keys = [Key.rsa("second")]
        clock.advance(minutes=1)
        assert log_in().status_code == 302
        assert provider.asked.count("/keys") == 2

    def test_that_are_unknown_are_asked_for_at_most_once_a_minute(
        self, log_in: LogIn, provider: Scripted, clock: FrozenClock, alice: User
    ) -> None:
        stranger = Key.rsa("stranger")
        provider.make_token = lambda claims: provider.token(claims, key=stranger)
        for _ in range(3):
            assert log_in().status_code == 503
        assert provider.asked.count("/keys") == 1
        clock.advance(minutes=1)
        for _ in range(3):
            assert log_in().status_code == 503
        assert provider.asked.count("/keys") == 2

    def test_that_were_withdrawn_serve_an_hour_at_most(
        self, client: TestClient, log_in: LogIn, provider: Scripted, clock: FrozenClock, alice: User
    ) -> None:
        assert log_in().status_code == 302
        client.cookies.delete("h_session")
        stolen = provider.key
        provider.keys = [Key.rsa("second")]
        provider.make_token = lambda claims: provider.token(claims, key=stolen)
        clock.advance(hours=1)
        assert log_in().status_code == 503


class TestClientSecret:
    def test_is_sent_as_the_provider_likes_it(
        self, client: TestClient, log_in: LogIn, provider: Scripted, clock: FrozenClock, alice: User
    ) -> None:
        assert log_in().status_code == 302
        client.cookies.delete("h_session")
        provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        clock.advance(hours=1)
        assert log_in().status_code == 302
        assert provider.credentials == ["basic", "post"]

    def test_is_never_logged(
        self, log_in: LogIn, provider: Scripted, alice: User, capsys: pytest.CaptureFixture[str]
    ) -> None:
        provider.says |= {"aud": "another"}
        log_in()
        provider.answers["/token"] = (401, {"error": "invalid_client", "error_description": CLIENT_SECRET})
        log_in()
        said = "".join(capsys.readouterr())
        assert "invalid_client" in said
        assert CLIENT_SECRET not in said
        assert "an-access-token" not in said
        assert "eyJ" not in said


class TestProviderInTrouble:
    @pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
    @pytest.mark.parametrize(
        "answer",
        [
            (500, {"error": "server_error"}),
            (404, b"<html>"),
            (200, b"<html>"),
            (200, b""),
            (200, []),
            (200, {}),
            (200, b"[" * 100_000),
            (200, b" " * 600_000),
            (302, {}),
        ],
        ids=["500", "404", "html", "empty", "list", "object", "deep", "long", "redirect"],
    )
    def test_has_a_page_that_says_so(
        self, *, client: TestClient, log_in: LogIn, provider: Scripted, alice: User, path: str, answer: Any
    ) -> None:
        good = client.get("/oidc/login").headers["location"] if path != "/.well-known/openid-configuration" else None
        provider.answers[path] = answer
        shown = client.get(provider.log_in(good)) if good else client.get("/oidc/login")
        assert shown.status_code == 503
        assert shown.headers["retry-after"] == "5"
        assert "Example University does not answer as it should" in shown.text
        assert not is_signed_in(client)

    @pytest.mark.parametrize(
        "metadata",
        [
            {"issuer": "https://other.test"},
            {"token_endpoint": "http://example.net/token"},
            {"token_endpoint": None},
            {"jwks_uri": "file:///etc/passwd"},
            {"authorization_endpoint": "javascript:alert(1)"},
        ],
        ids=str,
    )
    def test_is_that_it_is_another_or_listens_in_clear(
        self, client: TestClient, provider: Scripted, metadata: dict[str, Any]
    ) -> None:
        provider.metadata = metadata
        assert client.get("/oidc/login").status_code == 503

    def test_is_over_when_it_is_back(self, client: TestClient, provider: Scripted, log_in: LogIn, alice: User) -> None:
        provider.answers["/.well-known/openid-configuration"] = (500, {})
        assert client.get("/oidc/login").status_code == 503
        provider.answers.clear()
        assert log_in().status_code == 302

    def test_of_the_network_is_noticed_and_passwords_go_on(
        self, client: TestClient, provider: Scripted, alice: User
    ) -> None:
        provider.answers["/.well-known/openid-configuration"] = lambda handler: handler.connection.close()
        started = time.monotonic()
        assert client.get("/oidc/login").status_code == 503
        assert time.monotonic() - started < 3
        assert client.get("/login").status_code == 200


class TestSiteWithoutProvider:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None, "oidc_name": ""}
        )

    @pytest.mark.parametrize(
        "path", ["/oidc/login", "/oidc/callback", "/oidc/signup", "/oidc/connect", "/account/settings/identity"]
    )
    def test_has_none_of_it(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session, path: str
    ) -> None:
        assert client.get(path).status_code == 404
        assert "/oidc/login" not in client.get("/login").text
        sign_in(make_user(session).id)
        assert client.get(path).status_code == 404
        assert "identity" not in client.get("/account/settings").text


class TestSiteWithoutPasswords:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"password_login": False})

    def test_offers_the_provider_alone(self, client: TestClient) -> None:
        shown = client.get("/login?next=/groups/new").text
        assert "/oidc/login?next=%2Fgroups%2Fnew" in shown
        assert 'type="password"' not in shown
        assert "/signup" not in shown

    def test_takes_no_password(self, client: TestClient, submit: Any, session: Session) -> None:
        client.get("/oidc/login")
        shown = submit("/forgot-password", {"username": "alice", "password": "long enough"}, to="/login")
        assert shown.status_code == 403
        assert "takes no passwords" in shown.text

    def test_leads_from_the_sign_up_to_the_log_in(self, client: TestClient, submit: Any) -> None:
        answer = client.get("/signup?next=/groups/new&for_oauth=True")
        assert answer.headers["location"] == "/login?next=%2Fgroups%2Fnew&for_oauth=True"
        new = {"username": "bob", "email": "b@example.net", "password": "long enough", "privacy_accepted": "true"}
        assert submit("/forgot-password", new, to="/signup").headers["location"].startswith("/login")

    def test_lets_people_in_through_the_provider(self, client: TestClient, log_in: LogIn, alice: User) -> None:
        assert log_in().headers["location"] == "/"


class TestWithoutRedis:
    @pytest.fixture
    def resources(self, resources: Resources) -> Iterator[Resources]:
        """The resources of other tests, with a Redis that is away."""
        with closing(Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))) as away:
            yield replace(resources, redis=away)

    def test_nobody_is_sent_away(self, client: TestClient, provider: Scripted) -> None:
        assert client.get("/oidc/login").status_code == 503
        assert client.get("/oidc/callback?state=x&code=y").status_code == 503
