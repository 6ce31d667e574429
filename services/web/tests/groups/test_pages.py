"""Pages of groups."""

from collections.abc import Callable

from hcommon.testing.factories import make_user
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


class TestNewGroup:
    def test_it_says_how_a_group_is_made(self, client: TestClient) -> None:
        answer = client.get("/groups/new")
        assert answer.status_code == 200
        assert "h group add" in answer.text

    def test_it_knows_who_is_logged_in(
        self, client: TestClient, session: Session, sign_in: Callable[[int], None]
    ) -> None:
        sign_in(make_user(session, username="maria").id)
        assert "maria" in client.get("/groups/new").text


class TestGroup:
    def test_its_page_shows_what_it_wrote(self, client: TestClient) -> None:
        for path in ("/groups/abcd1234", "/groups/abcd1234/any-name"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (302, "/stream?q=group%3Aabcd1234")

    def test_nothing_in_the_address_can_lead_away(self, client: TestClient) -> None:
        location = client.get("/groups/%0d%0aSet-Cookie:%20x").headers["location"]
        assert location == "/stream?q=group%3A%0D%0ASet-Cookie%3A+x"
