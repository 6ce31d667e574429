"""`GET /api/search`, through the whole application."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hcommon.auth import Principal
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, User
from hcommon.search.backend import Hits, SearchUnavailableError
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.search.query import SearchQuery
from hcommon.testing.clock import START
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import make_access_token, make_annotation, make_group, make_user, make_world_group
from hweb.app import create_app
from hweb.resources import Resources
from hweb.search.schemas import MAX_REPLIES
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PAGE = "https://example.com/page"

Find = Callable[..., dict[str, Any]]


@pytest.fixture
def user(session: Session) -> User:
    make_world_group(session)
    return make_user(session)


@pytest.fixture
def find(client: TestClient, session: Session) -> Find:
    """Search with these parameters, underscores for dots; return the answer's JSON."""

    def find(*, token: str | None = None, **parameters: Any) -> dict[str, Any]:
        session.flush()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = client.get("/api/search", params=parameters, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return find


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def shown(*annotations: Annotation) -> list[str]:
    return [annotation_id_to_urlsafe(annotation.id) for annotation in annotations]


def index(database: RolledBackDatabase) -> None:
    with database.read() as connection:
        batch = read_batch(connection, list(connection.execute(select(Annotation.id)).scalars()))
    PostgreSQLWriter(database).write(batch)


class TestPageReads:
    def test_rows_and_total(self, session: Session, user: User, find: Find) -> None:
        made = make_annotation(session, user=user, target_uri=PAGE, text="Hello", tags=["a"], extra={"key": [1]})
        make_annotation(session, user=user, target_uri="https://example.com/other")
        found = find(uri=PAGE)
        assert found.keys() == {"total", "rows"}
        assert found["total"] == 1
        (row,) = found["rows"]
        assert row["id"] == annotation_id_to_urlsafe(made.id)
        assert (row["text"], row["tags"], row["key"], row["uri"]) == ("Hello", ["a"], [1], PAGE)

    def test_a_save_is_seen_at_once_without_any_index(self, session: Session, user: User, find: Find) -> None:
        made = make_annotation(session, user=user, target_uri=PAGE)
        assert ids(find(uri=PAGE)["rows"]) == shown(made)
        assert ids(find(user=user.username)["rows"]) == shown(made)
        assert ids(find(group="__world__")["rows"]) == shown(made)

    def test_private_annotations_are_for_their_author(self, session: Session, user: User, find: Find) -> None:
        made = make_annotation(session, user=user, target_uri=PAGE, shared=False)
        token = make_access_token(session, user=user)
        assert find(uri=PAGE)["total"] == 0
        assert ids(find(uri=PAGE, token=token)["rows"]) == shown(made)

    def test_unknown_groups_have_nothing_for_anybody(self, session: Session, user: User, find: Find) -> None:
        private = make_group(session)
        make_annotation(session, user=make_user(session), group=private, target_uri=PAGE)
        token = make_access_token(session, user=user)
        for group in ("nowhere", private.pubid):
            for parameters in ({"uri": PAGE}, {}):
                assert find(group=group, token=token, **parameters) == {"total": 0, "rows": []}

    def test_the_clients_walk_through_a_busy_page_loses_nothing(self, session: Session, user: User, find: Find) -> None:
        dates = [START + timedelta(microseconds=number // 5) for number in range(60)]
        made = [make_annotation(session, user=user, target_uri=PAGE, created=when) for when in dates]
        seen: list[str] = []
        parameters: dict[str, Any] = {"uri": PAGE, "sort": "created", "order": "asc", "limit": 7}
        while True:
            found = find(**parameters)
            assert found["total"] == 60
            if not found["rows"]:
                break
            seen += ids(found["rows"])
            parameters["search_after"] = found["rows"][-1]["created"].replace("+", " ")
        assert len(seen) == 60
        assert set(seen) == set(shown(*made))

    @pytest.mark.parametrize("sort", ["created", "updated", "group", "id", "user"])
    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_next_leads_through_equal_keys_page_by_page(
        self, session: Session, user: User, find: Find, sort: str, order: str
    ) -> None:
        dates = [START + timedelta(microseconds=number // 5) for number in range(20)]
        made = [make_annotation(session, user=user, target_uri=PAGE, created=when) for when in dates]
        parameters: dict[str, Any] = {"uri": PAGE, "sort": sort, "order": order, "limit": 3}
        found = find(**parameters)
        seen = ids(found["rows"])
        while "next" in found:
            found = find(**parameters, cursor=found["next"])
            assert len(found["rows"]) <= 3
            seen += ids(found["rows"])
        assert len(seen) == 20
        assert set(seen) == set(shown(*made))

    def test_a_row_that_is_gone_or_changed_does_not_stop_the_walk(
        self, session: Session, user: User, find: Find
    ) -> None:
        made = [
            make_annotation(session, user=user, target_uri=PAGE, created=START + timedelta(seconds=number))
            for number in range(6)
        ]
        parameters: dict[str, Any] = {"uri": PAGE, "sort": "created", "order": "asc", "limit": 2}
        first = find(**parameters)
        made[1].deleted = True
        assert ids(find(**parameters, cursor=first["next"])["rows"]) == shown(*made[2:4])


class TestBackendSearches:
    def test_words_find_what_is_indexed(
        self, session: Session, user: User, find: Find, rolled_back: RolledBackDatabase
    ) -> None:
        made = make_annotation(session, user=user, text="finches", tags=["Galápagos"])
        assert find(text="finches")["total"] == 0
        session.flush()
        index(rolled_back)
        for parameters in ({"text": "finches"}, {"tag": "galapagos"}, {"any": "finch*"}, {"uri.parts": "example"}):
            assert ids(find(**parameters)["rows"]) == shown(made)
        assert ids(find(wildcard_uri="https://example.com/*")["rows"]) == shown(made)
        assert ids(find()["rows"]) == shown(made)

    def test_the_notebooks_walk_through_the_public_group_loses_nothing(
        self, session: Session, user: User, find: Find, rolled_back: RolledBackDatabase
    ) -> None:
        dates = [START + timedelta(microseconds=number // 5) for number in range(60)]
        made = [make_annotation(session, user=user, created=when, updated=when) for when in dates]
        session.flush()
        index(rolled_back)
        seen: list[str] = []
        parameters: dict[str, Any] = {"group": "__world__", "sort": "updated", "order": "desc", "limit": 7}
        parameters["_separate_replies"] = "false"
        while len(seen) < 60:
            found = find(**parameters)
            assert found["total"] == 60
            assert found["rows"]
            seen += ids(found["rows"])
            parameters["search_after"] = found["rows"][-1]["updated"]
        assert set(seen) == set(shown(*made))
        assert not find(**parameters)["rows"]

    def test_next_leads_through_what_words_find(
        self, session: Session, user: User, find: Find, rolled_back: RolledBackDatabase
    ) -> None:
        made = [make_annotation(session, user=user, text="finch", updated=START) for _ in range(7)]
        session.flush()
        index(rolled_back)
        # The first page takes all of one date, as for clients that go on from a bare date.
        assert len(find(text="finch", limit=3)["rows"]) == 7
        found = find(text="finch", limit=3, sort="user")
        seen = ids(found["rows"])
        while "next" in found:
            found = find(text="finch", limit=3, sort="user", cursor=found["next"])
            seen += ids(found["rows"])
        assert sorted(seen) == sorted(shown(*made))

    def test_rows_come_in_the_backends_order_and_stale_ids_are_left_out(
        self, session: Session, user: User, resources: Resources
    ) -> None:
        made = [make_annotation(session, user=user) for _ in range(3)]
        private = make_annotation(session, user=user, shared=False)
        session.flush()
        proposed = [made[1], private, made[2], made[0]]

        class Stale:
            def search(self, query: SearchQuery, *, principal: Principal) -> Hits:
                return Hits(ids=tuple(annotation.id for annotation in proposed), total=4)

        client = _client(resources, Stale())
        found = client.get("/api/search", params={"any": "x"}).json()
        assert ids(found["rows"]) == shown(made[1], made[2], made[0])
        assert found["total"] == 4

    def test_without_a_backend_page_reads_go_on(self, session: Session, user: User, resources: Resources) -> None:
        made = make_annotation(session, user=user, target_uri=PAGE)
        session.flush()

        class Away:
            def search(self, query: SearchQuery, *, principal: Principal) -> Hits:
                raise SearchUnavailableError("Search is not available now.")

        client = _client(resources, Away())
        answer = client.get("/api/search", params={"any": "x"})
        assert answer.status_code == 503
        assert answer.json() == {"status": "failure", "reason": "Search is not available now."}
        assert ids(client.get("/api/search", params={"uri": PAGE}).json()["rows"]) == shown(made)


def _client(resources: Resources, search: Any) -> TestClient:
    values = {name: getattr(resources, name) for name in resources.__slots__}
    return TestClient(create_app(Resources(**(values | {"search": search}))))


class TestReplies:
    def test_they_come_apart_on_request(self, session: Session, user: User, find: Find) -> None:
        root = make_annotation(session, user=user, target_uri=PAGE)
        reply = make_annotation(session, user=user, target_uri=PAGE, references=[root.id])
        second = make_annotation(session, user=user, target_uri=PAGE, references=[root.id, reply.id])
        other = make_annotation(session, user=user, target_uri="https://example.com/other")
        make_annotation(session, user=user, references=[other.id])
        make_annotation(session, user=user, target_uri=PAGE, references=[root.id], shared=False)
        found = find(uri=PAGE, _separate_replies="true")
        assert ids(found["rows"]) == shown(root)
        assert ids(found["replies"]) == shown(second, reply)
        assert found["total"] == 1

    def test_there_is_an_end_to_them(self, session: Session, user: User, find: Find) -> None:
        root = make_annotation(session, user=user, target_uri=PAGE)
        reply = make_annotation(session, user=user, target_uri=PAGE, references=[root.id])
        columns = {column.name: getattr(reply, column.key) for column in Annotation.__table__.c}
        copies = [columns | {"id": UUID(int=number)} for number in range(1, MAX_REPLIES + 1)]
        session.execute(Annotation.__table__.insert(), copies)
        found = find(uri=PAGE, _separate_replies="true")
        assert ids(found["rows"]) == shown(root)
        assert len(found["replies"]) == MAX_REPLIES

    def test_without_rows_there_are_none(self, user: User, find: Find) -> None:
        assert find(uri=PAGE, _separate_replies="1") == {"total": 0, "rows": [], "replies": []}
        assert find(any="x", _separate_replies="1") == {"total": 0, "rows": [], "replies": []}

    def test_a_thread_is_found_whole_without_a_limit(self, session: Session, user: User, find: Find) -> None:
        root = make_annotation(session, user=user)
        for _ in range(30):
            make_annotation(session, user=user, references=[root.id])
        found = find(references=annotation_id_to_urlsafe(root.id))
        assert (found["total"], len(found["rows"])) == (30, 30)


class TestRefusals:
    def test_problems_are_named_line_by_line(self, client: TestClient) -> None:
        answer = client.get("/api/search", params={"limit": "201", "search_after": "soon"})
        assert answer.status_code == 400
        assert answer.json() == {
            "status": "failure",
            "reason": "search_after: must be a date, or milliseconds since 1970\n"
            "limit: must be a whole number from 0 to 200",
        }

    def test_a_cursor_is_for_the_search_that_gave_it(
        self, client: TestClient, session: Session, user: User, find: Find
    ) -> None:
        for _ in range(3):
            make_annotation(session, user=user, target_uri=PAGE)
        given = find(uri=PAGE, limit=1, sort="id")["next"]
        for parameters in (
            {"cursor": given, "uri": PAGE},
            {"cursor": given, "sort": "id", "order": "asc"},
            {"cursor": "nonsense"},
            {"cursor": "W10"},
            {"cursor": "x" * 5_000},
            {"cursor": ""},
        ):
            answer = client.get("/api/search", params=parameters)
            assert answer.status_code == 400, parameters
            assert answer.json()["reason"].startswith("cursor: ")
        assert find(uri=PAGE, limit=1, sort="id", cursor=given, search_after=given)["rows"]

    def test_nul_and_bad_urls_are_bad_requests(self, client: TestClient) -> None:
        for query in ("any=a%00b", "uri=http://x:y/", "wildcard_uri=http://*/", "group="):
            assert client.get(f"/api/search?{query}").status_code == 400

    def test_too_many_words_are_a_bad_request(self, user: User, client: TestClient) -> None:
        assert client.get("/api/search", params={"any": "a " * 1001}).status_code == 400

    def test_broken_utf8_is_no_error(self, user: User, client: TestClient) -> None:
        assert client.get("/api/search?any=%ff%fe&tag=%ed%a0%80").status_code == 200


class TestStatements:
    @pytest.mark.parametrize("parameters", [{"uri": PAGE}, {"uri": PAGE, "_separate_replies": "1"}, {"any": "word"}])
    def test_their_number_does_not_depend_on_the_rows(
        self, session: Session, user: User, find: Find, rolled_back: RolledBackDatabase, parameters: dict[str, str]
    ) -> None:
        statements: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        numbers = []
        for number in (1, 49):
            for _ in range(number):
                made = make_annotation(session, user=user, target_uri=PAGE, text="word")
                make_annotation(session, user=user, target_uri=PAGE, text="reply", references=[made.id])
            session.flush()
            index(rolled_back)
            for token in (None, make_access_token(session, user=user)):
                statements.clear()
                found = find(**parameters, limit=200, token=token)
                assert len(found["rows"]) in {number, number + 1, 2 * number, 2 * number + 2}
                numbers.append(len(statements))
        assert numbers[:2] == numbers[2:]
        assert max(numbers) <= 6
