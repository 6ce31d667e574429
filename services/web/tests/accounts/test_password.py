"""Changing one's password."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hcommon.models import AuthClient, AuthzCode, User
from hcommon.sessions import SessionStore
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user
from hweb.accounts import passwords
from hweb.oauth import service as oauth
from hweb.resources import Resources
from hweb.visitor import SESSION_COOKIE
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/account/settings/password"
FORM = {"password": "the old one", "new_password": "brand-new one", "new_password_confirm": "brand-new one"}


@pytest.fixture
def ann(session: Session, sign_in: Callable[[int], None]) -> User:
    """Somebody who is signed in."""
    user = make_user(session, username="ann", password_hash=passwords.hash_password("the old one"))
    sign_in(user.id)
    return user


def is_now(session: Session, password: str) -> bool:
    return passwords.is_right(session.scalar(select(User.password_hash)), password)


class TestChange:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get(PATH).headers["location"] == "/login?next=%2Faccount%2Fsettings%2Fpassword"

    def test_takes_the_new_one_and_leads_back(
        self, client: TestClient, submit: Any, session: Session, ann: User
    ) -> None:
        answer = submit(PATH, FORM)
        assert (answer.status_code, answer.headers["location"]) == (302, "/account/settings")
        assert is_now(session, "brand-new one")
        assert "ann" in client.get("/account/settings").text

    def test_ends_every_session_but_this_one_which_is_a_new_one(
        self, client: TestClient, submit: Any, ann: User, *, resources: Resources
    ) -> None:
        store, now = SessionStore(resources.redis), resources.clock.now()
        elsewhere, _ = store.start(user_id=ann.id, now=now)
        before = client.cookies[SESSION_COOKIE]
        submit(PATH, FORM)
        assert store.find(elsewhere, now=now) is None
        assert store.find(before, now=now) is None

    def test_ends_codes_that_would_become_log_ins(self, submit: Any, session: Session, ann: User) -> None:
        application = AuthClient(
            id=uuid4(),
            name="Reader",
            authority="example.org",
            grant_type="authorization_code",
            redirect_uri="https://reader.test/",
            created=START,
        )
        session.add(application)
        session.flush()
        asked = {"redirect_uri": None, "code_challenge": None, "browser_session": None}
        oauth.save_code(session, code="c" * 30, client_id=application.id, user_id=ann.id, now=START, **asked)
        submit(PATH, FORM)
        assert session.scalars(select(AuthzCode.id)).all() == []

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"password": "a wrong one"}, "not your password"),
            ({"new_password": "short", "new_password_confirm": "short"}, "at least 8"),
            ({"new_password_confirm": "another one"}, "not the same"),
            ({"password": ""}, "not your password"),
        ],
    )
    def test_explains_what_is_wrong_and_repeats_no_password(
        self, submit: Any, session: Session, ann: User, *, changes: dict[str, str], said: str
    ) -> None:
        answer = submit(PATH, FORM | changes)
        assert answer.status_code == 400
        assert said in answer.text
        assert not any(value in answer.text for value in (FORM | changes).values() if value)
        assert is_now(session, "the old one")

    def test_needs_the_token_of_the_form(self, client: TestClient, session: Session, ann: User) -> None:
        assert client.post(PATH, data=FORM).status_code == 403
        assert is_now(session, "the old one")

    def test_cannot_be_tried_without_end(self, submit: Any, ann: User) -> None:
        statuses = [submit(PATH, FORM | {"password": "a wrong one"}).status_code for _ in range(11)]
        assert statuses == [400] * 10 + [429]
