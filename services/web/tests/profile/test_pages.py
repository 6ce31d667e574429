"""The page of one's own account."""

from collections.abc import Callable

import pytest
from hcommon.testing.factories import make_user
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PATH = "/account/settings"


class TestAccountSettings:
    def test_visitors_log_in_first_and_come_back(self, client: TestClient) -> None:
        answer = client.get(PATH)
        assert (answer.status_code, answer.headers["location"]) == (302, "/login?next=%2Faccount%2Fsettings")

    def test_it_shows_the_account(self, client: TestClient, session: Session, sign_in: Callable[[int], None]) -> None:
        sign_in(make_user(session, username="maria", email="m@example.net", display_name="<b>Maria</b>").id)
        answer = client.get(PATH)
        assert answer.status_code == 200
        for text in ("maria", "m@example.net", "acct:maria@example.org", "&lt;b&gt;Maria&lt;/b&gt;"):
            assert text in answer.text

    @pytest.mark.parametrize("email", [None, ""])
    def test_an_account_without_an_address_says_so(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None], email: str | None
    ) -> None:
        sign_in(make_user(session, email=email).id)
        assert "none" in client.get(PATH).text

    def test_nobody_else_may_keep_it(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session).id)
        assert client.get(PATH).headers["cache-control"].startswith("private")

    def test_the_api_does_not_know_the_browsers_session(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session).id)
        assert client.get("/api/profile").json()["userid"] is None
