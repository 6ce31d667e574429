"""Tokens for one's own programs."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.accounts import GrantRevoked
from hcommon.models import Grant, User
from hcommon.testing.factories import make_user, recorded_events
from hweb.oauth.developer import MAX_TOKENS
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/account/developer"


@pytest.fixture
def user(session: Session, sign_in: Callable[[int], None]) -> User:
    """Somebody who is signed in."""
    user = make_user(session, username="maria")
    sign_in(user.id)
    return user


def made(submit: Any) -> str:
    answer = submit(PATH, {})
    assert answer.status_code == 200
    found = re.search(r"<code>(6879-[\w-]{43})</code>", answer.text)
    assert found
    return found[1]


class TestTokens:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get(PATH).headers["location"] == "/login?next=%2Faccount%2Fdeveloper"

    def test_are_shown_once_and_work(self, client: TestClient, submit: Any, user: User) -> None:
        token = made(submit)
        profile = client.get("/api/profile", headers={"Authorization": f"Bearer {token}"})
        assert profile.json()["userid"] == "acct:maria@example.org"
        shown = client.get(PATH)
        assert token not in shown.text
        assert "Take it back" in shown.text
        assert shown.headers["cache-control"] == "no-store"

    def test_are_taken_back_one_by_one(self, client: TestClient, submit: Any, session: Session, user: User) -> None:
        first, second = made(submit), made(submit)
        taken = session.scalars(select(Grant.id).join_from(Grant, User).order_by(Grant.created, Grant.id)).first()
        assert submit(PATH, {"revoke": str(taken)}).status_code == 303
        alive = [
            client.get("/api/profile", headers={"Authorization": f"Bearer {token}"}).json()["userid"]
            for token in (first, second)
        ]
        assert sorted(alive, key=str) == [None, "acct:maria@example.org"]
        assert [type(event) for event in recorded_events(session)] == [GrantRevoked]

    def test_of_others_are_left_alone(self, submit: Any, session: Session, user: User, sign_in: Any) -> None:
        made(submit)
        grant = session.scalars(select(Grant.id)).one()
        sign_in(make_user(session).id)
        for wanted in (str(grant), "nonsense", ""):
            assert submit(PATH, {"revoke": wanted}).status_code == 303
        assert session.scalars(select(Grant.id)).one() == grant

    def test_are_not_made_without_end(self, submit: Any, session: Session, user: User) -> None:
        for _ in range(MAX_TOKENS):
            made(submit)
        assert submit(PATH, {}).status_code == 400
        assert session.scalar(select(func.count(Grant.id))) == MAX_TOKENS

    def test_are_not_made_by_another_site(self, client: TestClient, session: Session, user: User) -> None:
        assert client.post(PATH, data={}).status_code == 403
        assert session.scalars(select(Grant.id)).first() is None
