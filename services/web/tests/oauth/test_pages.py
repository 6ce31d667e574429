"""`/oauth/authorize`."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from hcommon.models import AuthClient, AuthzCode, User
from hcommon.testing.clock import FrozenClock
from hcommon.tokens import hash_token
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


def url(client: AuthClient, **params: str) -> str:
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(client.redirect_uri))
    asked = {
        "client_id": str(client.id),
        "origin": origin,
        "response_mode": "web_message",
        "response_type": "code",
        "state": "0123456789abcdef",
        "action": "login",
    } | params
    return "/oauth/authorize?" + urlencode({name: value for name, value in asked.items() if value != "-"})


def settings_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" class="js-hypothesis-settings">(.*?)</script>', page)
    assert found, page
    return json.loads(found[1])


def count_codes(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AuthzCode)) or 0


class TestLoggedOut:
    @pytest.mark.parametrize(("action", "path"), [("login", "/login"), ("signup", "/signup"), ("-", "/login")])
    def test_goes_to_the_form_and_comes_back(
        self, client: TestClient, sidebar: AuthClient, action: str, path: str
    ) -> None:
        asked = url(sidebar, action=action)
        answer = client.get(asked)
        assert answer.status_code == 302
        location = urlsplit(answer.headers["location"])
        assert location.path == path
        assert parse_qs(location.query) == {"next": ["http://example.org" + asked], "for_oauth": ["True"]}

    def test_returns_to_the_same_request_after_signing_in(
        self, client: TestClient, submit: Callable[..., Any], session: Session, sidebar: AuthClient, alice: User
    ) -> None:
        from hweb.accounts import passwords  # noqa: PLC0415 - the one test here that needs a password

        alice.password_hash = passwords.hash_password("long enough")
        session.flush()
        form = client.get(url(sidebar, state="a&b=c#d")).headers["location"]
        hidden = {name: values[0] for name, values in parse_qs(urlsplit(form).query).items()}
        answer = submit(form, hidden | {"username": "alice", "password": "long enough"}, to="/login")
        done = client.get(answer.headers["location"])
        assert settings_of(done.text)["state"] == "a&b=c#d"

    def test_cannot_decide(self, client: TestClient, submit: Callable[..., Any], reader: AuthClient) -> None:
        answer = submit("/login", {"decision": "allow"}, to=url(reader))
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/login?next=")


class TestTrustedClient:
    def test_gets_a_code_at_once(
        self,
        *,
        client: TestClient,
        sign_in: Callable[[int], None],
        session: Session,
        sidebar: AuthClient,
        alice: User,
        clock: FrozenClock,
    ) -> None:
        sign_in(alice.id)
        answer = client.get(url(sidebar))
        assert answer.status_code == 200
        found = settings_of(answer.text)
        assert (found["origin"], found["state"]) == ("http://example.org", "0123456789abcdef")
        [code] = session.scalars(select(AuthzCode))
        assert code.code_hash == hash_token(found["code"])
        assert (code.user_id, code.auth_client_id) == (alice.id, sidebar.id)
        assert (code.expires - clock.now()).total_seconds() == 600

    def test_page_works_under_its_policy(
        self, client: TestClient, sign_in: Callable[[int], None], sidebar: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        answer = client.get(url(sidebar, state="</script><script>alert(1)</script>"))
        assert answer.text.count("<script") == 2
        assert settings_of(answer.text)["state"] == "</script><script>alert(1)</script>"
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert "cross-origin-opener-policy" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        script = re.search(r'<script src="([^"]+)" defer>', answer.text)
        assert script
        assert "postMessage" in client.get(script[1]).text

    def test_is_redirected_to_without_web_message(
        self,
        client: TestClient,
        sign_in: Callable[[int], None],
        make_client: Callable[..., AuthClient],
        session: Session,
        alice: User,
    ) -> None:
        trusted = make_client(trusted=True, redirect_uri="https://reader.test/cb?x=1")
        sign_in(alice.id)
        answer = client.get(url(trusted, response_mode="-"))
        assert answer.status_code == 302
        location = urlsplit(answer.headers["location"])
        assert (location.scheme, location.netloc, location.path) == ("https", "reader.test", "/cb")
        found = parse_qs(location.query)
        assert (found["x"], found["state"]) == (["1"], ["0123456789abcdef"])
        code = session.scalar(select(AuthzCode.code_hash))
        assert code == hash_token(found["code"][0])

    def test_gets_back_no_state_if_it_sent_none(
        self, client: TestClient, sign_in: Callable[[int], None], sidebar: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        assert settings_of(client.get(url(sidebar, state="-")).text)["state"] is None


class TestOtherClient:
    def test_has_to_be_allowed(
        self,
        *,
        client: TestClient,
        sign_in: Callable[[int], None],
        submit: Callable[..., Any],
        session: Session,
        reader: AuthClient,
        alice: User,
    ) -> None:
        sign_in(alice.id)
        shown = client.get(url(reader))
        assert shown.status_code == 200
        assert "Access request" in shown.text
        assert "Reader" in shown.text
        assert count_codes(session) == 0
        done = submit(url(reader), {"decision": "allow"})
        assert done.status_code == 200
        found = settings_of(done.text)
        assert (found["origin"], found["state"]) == ("https://reader.test", "0123456789abcdef")
        assert count_codes(session) == 1

    def test_hears_that_the_user_canceled(
        self,
        sign_in: Callable[[int], None],
        submit: Callable[..., Any],
        session: Session,
        reader: AuthClient,
        alice: User,
    ) -> None:
        sign_in(alice.id)
        done = submit(url(reader), {"decision": "cancel"})
        expected = {"canceled": True, "origin": "https://reader.test", "state": "0123456789abcdef"}
        assert settings_of(done.text) == expected
        answer = submit(url(reader, response_mode="query"), {})
        assert answer.headers["location"] == f"{reader.redirect_uri}?error=access_denied&state=0123456789abcdef"
        assert count_codes(session) == 0

    def test_is_redirected_to_when_allowed(
        self, sign_in: Callable[[int], None], submit: Callable[..., Any], reader: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        answer = submit(url(reader, response_mode="query"), {"decision": "allow"})
        assert answer.headers["location"].startswith("https://reader.test/app.html?code=")

    def test_cannot_be_allowed_by_another_site(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session, reader: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.post(url(reader), data={"decision": "allow"}).status_code == 403
        assert count_codes(session) == 0

    def test_page_lets_the_answer_lead_away(
        self, client: TestClient, sign_in: Callable[[int], None], reader: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        policy = client.get(url(reader)).headers["content-security-policy"]
        assert "form-action" not in policy
        assert "frame-ancestors 'none'" in policy


class TestInvalidRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": "-"},
            {"client_id": ""},
            {"client_id": "x"},
            {"client_id": str(uuid4())},
            {"response_type": "-"},
            {"response_type": "token"},
            {"response_type": "code token"},
            {"response_type": "none"},
            {"response_mode": "fragment"},
            {"response_mode": "form_post"},
            {"redirect_uri": "https://evil.test/app.html"},
            {"redirect_uri": "https://reader.test/app.html?x"},
            {"redirect_uri": "https://READER.test/app.html"},
            {"redirect_uri": "{current_scheme}://{current_host}/app.html"},
            {"redirect_uri": "javascript:alert(1)"},
            {"redirect_uri": ""},
            {"origin": "https://evil.test"},
            {"origin": "https://reader.test/"},
            {"origin": "null"},
            {"origin": ""},
            {"scope": "everything"},
            {"code_challenge": "x" * 43},
            {"code_challenge": "x" * 43, "code_challenge_method": "plain"},
            {"code_challenge": "x" * 43, "code_challenge_method": "S512"},
        ],
    )
    @pytest.mark.parametrize("logged_in", [True, False])
    def test_is_a_page_and_leads_nowhere(
        self,
        *,
        client: TestClient,
        sign_in: Callable[[int], None],
        session: Session,
        make_client: Callable[..., AuthClient],
        alice: User,
        changes: dict[str, str],
        logged_in: bool,
    ) -> None:
        trusted = make_client(trusted=True)
        if logged_in:
            sign_in(alice.id)
        answer = client.get(url(trusted, **changes))
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert answer.headers["content-type"].startswith("text/html")
        assert "evil.test" not in answer.text
        assert count_codes(session) == 0

    def test_with_repeated_parameters_is_refused(
        self, client: TestClient, sign_in: Callable[[int], None], sidebar: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get(url(sidebar) + "&state=other").status_code == 400

    def test_of_a_client_for_other_things_is_refused(
        self, client: TestClient, sign_in: Callable[[int], None], lms: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get(f"/oauth/authorize?client_id={lms.id}&response_type=code").status_code == 400

    def test_of_a_client_of_another_authority_is_refused(
        self, client: TestClient, sign_in: Callable[[int], None], make_client: Callable[..., AuthClient], alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get(url(make_client(authority="lms.test", trusted=True))).status_code == 400

    def test_in_the_body_alone_is_refused(
        self,
        client: TestClient,
        sign_in: Callable[[int], None],
        submit: Callable[..., Any],
        reader: AuthClient,
        alice: User,
    ) -> None:
        sign_in(alice.id)
        fields = {"client_id": str(reader.id), "response_type": "code", "decision": "allow"}
        assert submit("/logout", fields, to="/oauth/authorize").status_code == 400

    def test_of_strange_characters_is_no_error_of_ours(
        self, client: TestClient, sign_in: Callable[[int], None], sidebar: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get(url(sidebar) + "&x=%ff&%zz=;&\u00e4=|^").status_code == 200

    def test_with_known_scopes_is_accepted(
        self, client: TestClient, sign_in: Callable[[int], None], sidebar: AuthClient, alice: User
    ) -> None:
        sign_in(alice.id)
        assert client.get(url(sidebar, scope="annotation:read")).status_code == 200
