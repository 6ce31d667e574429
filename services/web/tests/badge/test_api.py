"""`GET /api/badge`."""

from collections.abc import Callable

import pytest
from hcommon.models import DocumentURI, User
from hcommon.models.annotation import ModerationStatus
from hcommon.testing.clock import START
from hcommon.testing.factories import make_access_token, make_annotation, make_user, make_world_group
from hcommon.uri import normalize, uri_hash
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PAGE = "https://example.com/page"


@pytest.fixture
def user(session: Session) -> User:
    make_world_group(session)
    return make_user(session)


def annotate(session: Session, user: User, uri: str = PAGE, *, kind: str = "self-claim", **columns: object) -> None:
    made = make_annotation(session, user=user, target_uri=uri, **columns)
    key = uri_hash(normalize(uri))
    session.add(
        DocumentURI(
            document_id=made.document_id,
            claimant=uri,
            claimant_hash=key,
            uri=uri,
            uri_normalized=normalize(uri),
            uri_hash=key,
            type=kind,
            content_type="",
            annotation_id=made.id,
            created=START,
            updated=START,
        )
    )
    session.flush()


def total(client: TestClient, uri: str) -> int:
    answer = client.get("/api/badge", params={"uri": uri})
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["total"]
    assert answer.json() == {"total": found}
    return found


class TestCounting:
    def test_annotations_that_anybody_may_see_in_every_spelling(
        self, session: Session, user: User, client: TestClient
    ) -> None:
        annotate(session, user)
        annotate(session, user, shared=False)
        annotate(session, user, moderation_status=ModerationStatus.PENDING.value)
        for uri in (PAGE, f"{PAGE}/#part", "EXAMPLE.com/page"):
            assert total(client, uri) == 1

    def test_pages_that_nobody_annotated_take_one_statement_as_do_those_asked_for_again(
        self, session: Session, user: User, client: TestClient
    ) -> None:
        annotate(session, user)
        statements: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        assert total(client, "https://example.com/other") == 0
        assert len(statements) == 1
        assert total(client, PAGE) == 1
        assert len(statements) == 4
        assert total(client, PAGE) == 1
        assert len(statements) == 5

    def test_a_page_known_as_canonical_is_counted(self, session: Session, user: User, client: TestClient) -> None:
        annotate(session, user, kind="rel-canonical")
        assert total(client, PAGE) == 1

    def test_the_browsers_session_counts_and_a_token_does_not(
        self, session: Session, user: User, client: TestClient, sign_in: Callable[[int], None]
    ) -> None:
        annotate(session, user, shared=False)
        token = make_access_token(session, user=user)
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/badge", params={"uri": PAGE}, headers=headers).json() == {"total": 0}
        sign_in(user.id)
        assert total(client, PAGE) == 1
        assert total(client, "https://example.com/other") == 0


class TestBlockedPages:
    @pytest.mark.parametrize(
        "uri",
        [
            "https://facebook.com",
            "http://www.facebook.com/somebody?x=1",
            "HTTPS://Mail.Google.com:443/mail/u/0/#inbox",
            "chrome://extensions",
        ],
    )
    def test_they_have_none_for_a_day(self, session: Session, user: User, client: TestClient, uri: str) -> None:
        annotate(session, user, uri)
        answer = client.get("/api/badge", params={"uri": uri})
        assert answer.json() == {"total": 0}
        assert answer.headers["Cache-Control"] == "public, max-age=86400"

    @pytest.mark.parametrize(
        "uri", ["https://facebook.com.example/", "https://example.com/facebook.com", "https://mail.google.community/"]
    )
    def test_others_are_counted(self, session: Session, user: User, client: TestClient, uri: str) -> None:
        annotate(session, user, uri)
        answer = client.get("/api/badge", params={"uri": uri})
        assert answer.json() == {"total": 1}
        assert answer.headers["Cache-Control"] == "no-cache"


class TestRefusals:
    @pytest.mark.parametrize("query", ["", "?uri=", "?url=http://x.example/"])
    def test_without_a_uri(self, client: TestClient, query: str) -> None:
        answer = client.get(f"/api/badge{query}")
        assert answer.status_code == 400
        assert answer.json() == {"status": "failure", "reason": "uri: is required"}

    @pytest.mark.parametrize("uri", ["http://x:y/", "http://[::1"])
    def test_a_bad_uri(self, client: TestClient, uri: str) -> None:
        answer = client.get("/api/badge", params={"uri": uri})
        assert answer.status_code == 400
        assert answer.json()["reason"].startswith("uri: ")
