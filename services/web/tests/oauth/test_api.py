"""`/api/token` and `/oauth/revoke`."""

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import pytest
from hcommon.auth import principal_of_token
from hcommon.events.accounts import GrantRevoked
from hcommon.models import AuthClient, AuthzCode, Grant, Token, User
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_access_token, make_user, recorded_events
from hcommon.tokens import hash_token
from hweb.app import create_app
from hweb.oauth import service
from hweb.oauth.schemas import REFRESH_GRACE
from hweb.resources import Resources
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPE = "annotation:read annotation:write"


def issue_code(session: Session, client: AuthClient, user: User, now: Any, **values: Any) -> str:
    given = {"code": "c" * 30, "redirect_uri": None, "code_challenge": None, "browser_session": None} | values
    service.save_code(session, client_id=client.id, user_id=user.id, now=now, **given)
    return given["code"]


def basic(client: AuthClient, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client.id}:{secret}".encode()).decode()}


@pytest.fixture
def code(session: Session, sidebar: AuthClient, alice: User, clock: FrozenClock) -> str:
    return issue_code(session, sidebar, alice, clock.now())


@pytest.fixture
def exchange(client: TestClient, sidebar: AuthClient) -> Callable[..., Any]:
    """Exchange a code for the site's client: `exchange(code)`."""

    def exchange(code: str, **fields: str) -> Any:
        form = {"grant_type": "authorization_code", "client_id": str(sidebar.id), "code": code} | fields
        return client.post("/api/token", data={name: value for name, value in form.items() if value != "-"})

    return exchange


@pytest.fixture
def tokens(exchange: Callable[..., Any], code: str) -> dict[str, Any]:
    answer: dict[str, Any] = exchange(code).json()
    return answer


def refresh(client: TestClient, token: str, **fields: str) -> Any:
    return client.post("/api/token", data={"grant_type": "refresh_token", "refresh_token": token} | fields)


def userid(client: TestClient, access_token: str) -> Any:
    return client.get("/api/profile", headers={"Authorization": f"Bearer {access_token}"}).json()["userid"]


class TestCode:
    def test_is_exchanged_for_tokens(self, client: TestClient, exchange: Callable[..., Any], code: str) -> None:
        answer = exchange(code)
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, SCOPE)
        assert body["access_token"].startswith("5768-")
        assert body["refresh_token"].startswith("4657-")
        assert {len(body["access_token"]), len(body["refresh_token"])} == {48}
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert userid(client, body["access_token"]) == "acct:alice@example.org"

    def test_is_stored_as_a_hash_and_so_are_the_tokens(self, session: Session, tokens: dict[str, Any]) -> None:
        row = session.scalars(select(Token)).one()
        assert row.access_hash == hash_token(tokens["access_token"])
        assert row.refresh_hash == hash_token(tokens["refresh_token"])
        assert session.scalars(select(AuthzCode)).all() == []

    def test_used_again_ends_what_it_led_to(
        self, client: TestClient, exchange: Callable[..., Any], code: str, tokens: dict[str, Any], session: Session
    ) -> None:
        again = exchange(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert userid(client, tokens["access_token"]) is None
        assert refresh(client, tokens["refresh_token"]).status_code == 400
        assert [type(event) for event in recorded_events(session)] == [GrantRevoked]

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"code": "x"}, 400, "invalid_grant"),
            ({"code": ""}, 400, "invalid_grant"),
            ({"code": "-"}, 400, "invalid_request"),
            ({"code": "\0"}, 400, "invalid_grant"),
            ({"client_id": "-"}, 401, "invalid_client"),
            ({"client_id": "x"}, 401, "invalid_client"),
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"grant_type": "-"}, 400, "unsupported_grant_type"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
            ({"redirect_uri": "https://evil.test/"}, 400, "invalid_request"),
        ],
    )
    def test_refusals_have_the_shape_of_the_protocol_and_of_the_api(
        self, exchange: Callable[..., Any], code: str, changes: dict[str, str], status: int, error: str
    ) -> None:
        answer = exchange(**({"code": code} | changes))
        assert answer.status_code == status
        body = answer.json()
        assert body["error"] == error
        assert body["status"] == "failure"
        assert body["reason"]
        assert answer.headers["cache-control"] == "no-store"
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert exchange(code).status_code == 200  # a mistake of others does not use the code up

    def test_expires(self, exchange: Callable[..., Any], code: str, clock: FrozenClock) -> None:
        clock.advance(minutes=10, seconds=1)
        assert exchange(code).json()["error"] == "invalid_grant"

    def test_is_of_one_client(self, exchange: Callable[..., Any], code: str, reader: AuthClient) -> None:
        assert exchange(code, client_id=str(reader.id)).json()["error"] == "invalid_grant"
        assert exchange(code).status_code == 200

    def test_of_a_deleted_user_is_worth_nothing(
        self, exchange: Callable[..., Any], code: str, session: Session, alice: User
    ) -> None:
        alice.deleted = True
        session.flush()
        assert exchange(code).json()["error"] == "invalid_grant"

    def test_needs_the_redirect_uri_again_that_it_came_with(
        self, exchange: Callable[..., Any], session: Session, sidebar: AuthClient, alice: User, clock: FrozenClock
    ) -> None:
        code = issue_code(session, sidebar, alice, clock.now(), redirect_uri=sidebar.redirect_uri)
        assert exchange(code).status_code == 400
        assert exchange(code, redirect_uri=sidebar.redirect_uri).status_code == 200

    def test_with_a_challenge_needs_the_verifier(
        self, exchange: Callable[..., Any], session: Session, sidebar: AuthClient, alice: User, clock: FrozenClock
    ) -> None:
        code = issue_code(session, sidebar, alice, clock.now(), code_challenge=CHALLENGE)
        assert exchange(code).status_code == 400
        assert exchange(code, code_verifier="w" * 43).json()["error"] == "invalid_grant"
        assert exchange(code, code_verifier=VERIFIER).status_code == 200

    def test_without_a_challenge_refuses_a_verifier_since_somebody_took_the_challenge_out(
        self, exchange: Callable[..., Any], code: str
    ) -> None:
        assert exchange(code, code_verifier=VERIFIER).json()["error"] == "invalid_grant"
        assert exchange(code).status_code == 200

    def test_challenge_is_kept_from_the_page(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session, sidebar: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        asked = {"client_id": str(sidebar.id), "response_type": "code", "response_mode": "web_message"}
        client.get("/oauth/authorize", params=asked | {"code_challenge": CHALLENGE, "code_challenge_method": "S256"})
        assert session.scalars(select(AuthzCode.code_challenge)).one() == CHALLENGE

    def test_fields_may_not_be_repeated(self, client: TestClient, sidebar: AuthClient, code: str) -> None:
        form = {"grant_type": "authorization_code", "client_id": str(sidebar.id), "code": [code, code]}
        assert client.post("/api/token", data=form).json()["error"] == "invalid_request"

    def test_in_json_or_in_the_query_is_not_seen(self, client: TestClient, sidebar: AuthClient, code: str) -> None:
        form = {"grant_type": "authorization_code", "client_id": str(sidebar.id), "code": code}
        assert client.post("/api/token", json=form).json()["error"] == "unsupported_grant_type"
        assert client.post("/api/token", params=form).json()["error"] == "unsupported_grant_type"


class TestConfidentialClient:
    SECRET = "se cret%20+ä"

    @pytest.fixture
    def web(self, make_client: Callable[..., AuthClient]) -> AuthClient:
        return make_client(name="Web", secret=self.SECRET)

    @pytest.fixture
    def form(self, session: Session, web: AuthClient, alice: User, clock: FrozenClock) -> dict[str, str]:
        code = issue_code(session, web, alice, clock.now())
        return {"grant_type": "authorization_code", "client_id": str(web.id), "code": code}

    def test_sends_its_secret_in_the_body(self, client: TestClient, form: dict[str, str]) -> None:
        assert client.post("/api/token", data=form | {"client_secret": self.SECRET}).status_code == 200

    @pytest.mark.parametrize("encode", [quote_plus, str])
    def test_sends_its_secret_as_basic_credentials(
        self, client: TestClient, form: dict[str, str], web: AuthClient, encode: Callable[[str], str]
    ) -> None:
        del form["client_id"]
        headers = basic(web, encode(self.SECRET))
        assert client.post("/api/token", data=form, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("fields", "headers"),
        [
            ({}, {}),
            ({"client_secret": ""}, {}),
            ({"client_secret": "wrong"}, {}),
            ({}, {"Authorization": "Basic x"}),
            ({}, {"Authorization": "Basic " + base64.b64encode(b"nobody:x").decode()}),
        ],
    )
    def test_is_refused_without_it(
        self, client: TestClient, form: dict[str, str], fields: dict[str, str], headers: dict[str, str]
    ) -> None:
        answer = client.post("/api/token", data=form | fields, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_needs_it_for_refreshing_too(self, client: TestClient, form: dict[str, str]) -> None:
        token = client.post("/api/token", data=form | {"client_secret": self.SECRET}).json()["refresh_token"]
        assert refresh(client, token).status_code == 401
        assert refresh(client, token, client_secret="wrong").status_code == 401
        assert refresh(client, token, client_secret=self.SECRET).status_code == 200


class TestSiteClientWithSecret:
    def test_exchanges_codes_without_it(
        self,
        *,
        client: TestClient,
        make_client: Callable[..., AuthClient],
        resources: Resources,
        session: Session,
        alice: User,
        clock: FrozenClock,
    ) -> None:
        own = make_client(client_id=resources.settings.oauth_client_id, secret="for assertions alone")
        code = issue_code(session, own, alice, clock.now())
        form = {"grant_type": "authorization_code", "client_id": str(own.id), "code": code}
        assert client.post("/api/token", data=form).status_code == 200


class TestRefresh:
    def test_gives_new_tokens_and_the_old_access_token_still_works(
        self, client: TestClient, tokens: dict[str, Any]
    ) -> None:
        answer = refresh(client, tokens["refresh_token"])
        assert answer.status_code == 200
        new = answer.json()
        assert set(new) == set(tokens)
        assert new["refresh_token"] != tokens["refresh_token"]
        assert userid(client, new["access_token"]) == userid(client, tokens["access_token"]) == "acct:alice@example.org"

    def test_by_two_tabs_with_one_token_serves_both_for_a_moment(
        self, client: TestClient, tokens: dict[str, Any], clock: FrozenClock
    ) -> None:
        assert refresh(client, tokens["refresh_token"]).status_code == 200
        clock.advance(seconds=REFRESH_GRACE.total_seconds() - 1)
        assert refresh(client, tokens["refresh_token"]).status_code == 200
        clock.advance(seconds=2)
        refused = refresh(client, tokens["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    @pytest.mark.parametrize("token", ["", "x", "4657-" + "x" * 43, "\0"])
    def test_with_a_wrong_token_is_refused(self, client: TestClient, token: str) -> None:
        answer = refresh(client, token)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

    def test_without_a_token_is_refused(self, client: TestClient) -> None:
        answer = client.post("/api/token", data={"grant_type": "refresh_token"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    def test_with_an_expired_token_is_refused(
        self, client: TestClient, tokens: dict[str, Any], clock: FrozenClock
    ) -> None:
        clock.advance(days=7, seconds=1)
        assert refresh(client, tokens["refresh_token"]).status_code == 400

    def test_with_an_access_token_is_refused(self, client: TestClient, tokens: dict[str, Any]) -> None:
        assert refresh(client, tokens["access_token"]).status_code == 400

    def test_by_another_client_is_refused(self, client: TestClient, tokens: dict[str, Any], reader: AuthClient) -> None:
        assert refresh(client, tokens["refresh_token"], client_id=str(reader.id)).status_code == 401

    def test_of_a_deleted_user_is_refused(
        self, client: TestClient, tokens: dict[str, Any], session: Session, alice: User
    ) -> None:
        alice.deleted = True
        session.flush()
        assert refresh(client, tokens["refresh_token"]).status_code == 400

    def test_slides_with_every_use(self, client: TestClient, tokens: dict[str, Any], clock: FrozenClock) -> None:
        token = tokens["refresh_token"]
        for _ in range(3):
            clock.advance(days=6)
            token = refresh(client, token).json()["refresh_token"]

    def test_may_ask_for_fewer_scopes_but_not_for_others(self, client: TestClient, tokens: dict[str, Any]) -> None:
        assert refresh(client, tokens["refresh_token"], scope="everything").json()["error"] == "invalid_scope"
        assert refresh(client, tokens["refresh_token"], scope="annotation:read").status_code == 200

    def test_token_never_authenticates(self, client: TestClient, tokens: dict[str, Any]) -> None:
        assert userid(client, tokens["refresh_token"]) is None


class TestAccessToken:
    def test_expires(self, client: TestClient, tokens: dict[str, Any], clock: FrozenClock) -> None:
        clock.advance(hours=1)
        assert userid(client, tokens["access_token"]) is None


class TestRevoke:
    @pytest.mark.parametrize("which", ["access_token", "refresh_token"])
    def test_by_either_token_ends_the_grant(
        self, client: TestClient, tokens: dict[str, Any], session: Session, which: str
    ) -> None:
        second = refresh(client, tokens["refresh_token"]).json()
        [grant_id] = session.scalars(select(Grant.id))
        answer = client.post("/oauth/revoke", data={"token": tokens[which]})
        assert (answer.status_code, answer.json()) == (200, {})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert userid(client, tokens["access_token"]) is None
        assert userid(client, second["access_token"]) is None
        assert refresh(client, second["refresh_token"]).status_code == 400
        [event] = recorded_events(session)
        assert isinstance(event, GrantRevoked)
        assert event.grant_id == grant_id

    def test_of_an_unknown_token_is_fine(self, client: TestClient, session: Session) -> None:
        for _ in range(2):
            answer = client.post("/oauth/revoke", data={"token": "5768-x"})
            assert (answer.status_code, answer.json()) == (200, {})
        assert recorded_events(session) == []

    def test_of_a_developer_token_works(self, client: TestClient, session: Session, alice: User) -> None:
        token = service.create_developer_token(session, user_id=alice.id, now=START)
        assert token.startswith("6879-")
        assert userid(client, token) == "acct:alice@example.org"
        assert client.post("/oauth/revoke", data={"token": token}).status_code == 200
        assert userid(client, token) is None

    @pytest.mark.parametrize("form", [{}, {"token": ""}])
    def test_without_a_token_is_refused(self, client: TestClient, form: dict[str, str]) -> None:
        answer = client.post("/oauth/revoke", data=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    def test_leaves_other_grants_alone(
        self, client: TestClient, tokens: dict[str, Any], session: Session, alice: User
    ) -> None:
        other = make_access_token(session, user=alice)
        client.post("/oauth/revoke", data={"token": other})
        assert userid(client, tokens["access_token"]) == "acct:alice@example.org"


class TestPreflight:
    @pytest.mark.parametrize("path", ["/api/token", "/oauth/revoke"])
    def test_is_answered(self, client: TestClient, path: str) -> None:
        headers = {"Origin": "https://page.test", "Access-Control-Request-Method": "POST"}
        assert client.options(path, headers=headers).status_code == 200


class TestLogs:
    def test_hold_no_code_and_no_token(
        self,
        exchange: Callable[..., Any],
        code: str,
        client: TestClient,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        caplog.set_level("DEBUG")
        answer = exchange(code).json()
        refresh(client, answer["refresh_token"])
        said = caplog.text + "".join(capfd.readouterr())
        assert "request" in said
        assert not [secret for secret in (code, answer["access_token"], answer["refresh_token"]) if secret in said]


class TestSimultaneousRequests:
    @pytest.fixture
    def committed(self, resources: Resources, fresh_database: Any, clock: FrozenClock) -> TestClient:
        """A client of an application that commits, with one client, user and code in its database."""
        settings = resources.settings
        with fresh_database.transaction() as session:
            user = make_user(session, username="alice")
            client = AuthClient(
                id=settings.oauth_client_id,
                name="Sidebar",
                authority="example.org",
                grant_type="authorization_code",
                redirect_uri="http://example.org/app.html",
                trusted=True,
                created=START,
            )
            session.add(client)
            session.flush()
            issue_code(session, client, user, clock.now())
        app = create_app(replace(resources, database=fresh_database))
        return TestClient(app, base_url="http://example.org")

    def at_once(self, client: TestClient, form: dict[str, str]) -> list[Any]:
        barrier, answers = threading.Barrier(4), []

        def send() -> None:
            barrier.wait(timeout=10)
            answers.append(client.post("/api/token", data=form))

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_exchange_a_code_once(self, committed: TestClient, resources: Resources, fresh_database: Any) -> None:
        client_id = str(resources.settings.oauth_client_id)
        form = {"grant_type": "authorization_code", "client_id": client_id, "code": "c" * 30}
        answers = self.at_once(committed, form)
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
        with fresh_database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(Grant)) == 0  # reuse ended it

    def test_refresh_with_one_token_and_all_get_tokens(
        self, committed: TestClient, resources: Resources, fresh_database: Any, clock: FrozenClock
    ) -> None:
        client_id = str(resources.settings.oauth_client_id)
        form = {"grant_type": "authorization_code", "client_id": client_id, "code": "c" * 30}
        token = committed.post("/api/token", data=form).json()["refresh_token"]
        answers = self.at_once(committed, {"grant_type": "refresh_token", "refresh_token": token})
        assert [answer.status_code for answer in answers] == [200] * 4
        with fresh_database.read() as connection:
            for answer in answers:
                found = principal_of_token(connection, answer.json()["access_token"], now=clock.now())
                assert found.userid == "acct:alice@example.org"
