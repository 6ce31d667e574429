"""Listings and counts for applications."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hcommon.models import Annotation, Group, User
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from hweb.bulk import queries
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

AUTHORITY = "lms.test"
PERIOD = {"gt": "2020-01-01T00:00:00Z", "lte": "2030-01-01"}
METADATA = '{"lms":{"assignment":{"resource_link_id":"a1"}}}'


@pytest.fixture
def bulk(basic_auth: Any) -> dict[str, str]:
    headers: dict[str, str] = basic_auth(AUTHORITY, capabilities=["bulk"])
    return headers


@pytest.fixture
def course(session: Session) -> Group:
    return make_group(session, authority=AUTHORITY, authority_provided_id="course")


@pytest.fixture
def alice(session: Session, course: Group) -> User:
    user = make_user(session, username="alice", authority=AUTHORITY, display_name="Alice")
    add_member(session, group=course, user=user)
    return user


@pytest.fixture
def bob(session: Session, course: Group) -> User:
    user = make_user(session, username="bob", authority=AUTHORITY)
    add_member(session, group=course, user=user)
    return user


def write(session: Session, *, user: User, group: Group, **values: Any) -> Annotation:
    given = {"text": "note", "client_metadata": METADATA, "selectors": [{"type": "x"}]} | values
    return make_annotation(session, user=user, group=group, **given)


class TestAnnotations:
    def ask(self, client: TestClient, headers: dict[str, str], **values: Any) -> list[Any]:
        body = {"filter": {"username": "alice", "created": PERIOD, "limit": 100} | values}
        answer = client.post("/api/bulk/annotation", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["hypothesis-media-type"] == "application/vnd.hypothesis.v1+x-ndjson"
        return [json.loads(line) for line in answer.text.splitlines()]

    @pytest.mark.usefixtures("alice")
    def test_are_those_that_others_see_in_the_user_s_groups(
        self, client: TestClient, bulk: dict[str, str], session: Session, course: Group, bob: User
    ) -> None:
        write(session, user=bob, group=course)
        write(session, user=bob, group=course, client_metadata=None)
        for values in (
            {"shared": False},
            {"deleted": True},
            {"moderation_status": "PENDING"},
            {"group": make_group(session, authority=AUTHORITY, authority_provided_id="other")},
            {"user": make_user(session, authority=AUTHORITY, nipsa=True)},
        ):
            write(session, **{"user": bob, "group": course} | values)
        row = {"author": {"username": "bob"}, "group": {"authority_provided_id": "course"}}
        assert self.ask(client, bulk) == [row | {"metadata": json.loads(METADATA)}, row | {"metadata": {}}]

    def test_are_of_the_time_asked_for(
        self, client: TestClient, bulk: dict[str, str], session: Session, course: Group, alice: User
    ) -> None:
        for hour in range(4):
            metadata = json.dumps({"hour": hour})
            write(
                session,
                user=alice,
                group=course,
                created=START + timedelta(hours=hour),
                client_metadata=metadata,
            )
        period = {"gt": START.isoformat(), "lte": (START + timedelta(hours=2)).isoformat()}
        assert [row["metadata"]["hour"] for row in self.ask(client, bulk, created=period)] == [1, 2]

    def test_are_as_many_as_asked_for(
        self, client: TestClient, bulk: dict[str, str], session: Session, course: Group, alice: User
    ) -> None:
        for _ in range(3):
            write(session, user=alice, group=course)
        assert [len(self.ask(client, bulk, limit=limit)) for limit in (0, 2, 3, 100)] == [0, 2, 3, 3]

    def test_take_as_many_statements_for_two_hundred_as_for_one(
        self, client: TestClient, bulk: dict[str, str], session: Session, course: Group, alice: User
    ) -> None:
        sent: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
        counts = []
        for number in (1, 199):
            for _ in range(number):
                write(session, user=alice, group=course)
            session.flush()
            sent.clear()
            found = self.ask(client, bulk, limit=1_000)
            counts.append((len(found), len(sent)))
        assert [rows for rows, _ in counts] == [1, 200]
        assert len({statements for _, statements in counts}) == 1
        assert counts[0][1] <= 4

    def test_come_in_pages_that_lose_and_repeat_nothing(
        self, client: TestClient, bulk: dict[str, str], session: Session, course: Group, alice: User
    ) -> None:
        template = write(session, user=alice, group=course, created=START)
        columns = {column.name: getattr(template, column.key) for column in Annotation.__table__.c}
        rows = [
            columns | {"id": type(template.id)(int=number), "client_metadata": json.dumps({"n": number})}
            for number in range(2 * queries.PAGE + 1)
        ]
        session.execute(Annotation.__table__.insert(), rows)
        found = self.ask(client, bulk, limit=1_000_000)
        assert len(found) == 2 * queries.PAGE + 2
        assert len({json.dumps(row) for row in found}) == len(found)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"filter": []},
            {"filter": {"username": "alice"}},
            {"filter": {"created": PERIOD}},
            {"filter": {"username": "a b", "created": PERIOD}},
            {"filter": {"username": "alice", "created": {"gt": "x", "lte": "2020"}}},
            {"filter": {"username": "alice", "created": {"gt": "2020"}}},
            {"filter": {"username": "alice", "created": PERIOD, "limit": -1}},
            {"filter": {"username": "alice", "created": PERIOD, "limit": 1_000_001}},
            {"filter": {"username": "alice", "created": PERIOD, "limit": "1"}},
        ],
    )
    def test_need_a_filter_that_makes_sense(self, client: TestClient, bulk: dict[str, str], body: Any) -> None:
        assert client.post("/api/bulk/annotation", json=body, headers=bulk).status_code == 400

    def test_need_a_body(self, client: TestClient, bulk: dict[str, str]) -> None:
        assert client.post("/api/bulk/annotation", headers=bulk).status_code == 400


class TestGroups:
    def test_are_those_with_annotations_of_the_time(
        self, client: TestClient, bulk: dict[str, str], session: Session, course: Group, alice: User
    ) -> None:
        quiet = make_group(session, authority=AUTHORITY, authority_provided_id="quiet")
        foreign = make_group(session, authority="other.test", authority_provided_id="foreign")
        write(session, user=alice, group=course)
        write(session, user=alice, group=quiet, deleted=True)
        write(session, user=alice, group=foreign)
        names = ["course", "quiet", "foreign", "unknown"]

        def ask(period: Any) -> list[Any]:
            body = {"filter": {"groups": names, "annotations_created": period}}
            answer = client.post("/api/bulk/group", json=body, headers=bulk)
            return [json.loads(line) for line in answer.text.splitlines()]

        assert ask(PERIOD) == [{"authority_provided_id": "course"}]
        assert ask({"gt": "2020", "lte": "2021"}) == []

    @pytest.mark.parametrize("groups", [None, [], "x", [7]])
    def test_must_be_named(self, client: TestClient, bulk: dict[str, str], groups: Any) -> None:
        body = {"filter": {"groups": groups, "annotations_created": PERIOD}}
        assert client.post("/api/bulk/group", json=body, headers=bulk).status_code == 400


class TestCounts:
    def ask(self, client: TestClient, headers: dict[str, str], by: str, **values: Any) -> Any:
        body = {"group_by": by, "filter": {"groups": ["course"]} | values}
        answer = client.post("/api/bulk/lms/annotations", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @pytest.fixture
    def last(self, session: Session, course: Group, alice: User, bob: User) -> str:
        """What was written; returns when the last of it was."""
        root = write(session, user=alice, group=course)
        write(session, user=alice, group=course, text="")
        write(session, user=alice, group=course, selectors=None)
        write(session, user=alice, group=course, client_metadata=None)
        write(session, user=alice, group=course, client_metadata='{"lms":"\\u0000"}')
        write(session, user=bob, group=course, client_metadata=METADATA.replace("a1", "a2"))
        reply = write(session, user=bob, group=course, references=[root.id], selectors=None)
        return reply.created.isoformat(timespec="microseconds")

    def test_by_assignment(self, client: TestClient, bulk: dict[str, str], last: str) -> None:
        first, second = self.ask(client, bulk, "assignment")
        assert first == {
            "assignment_id": "a1",
            "userid": None,
            "display_name": None,
            "annotations": 1,
            "replies": 1,
            "page_notes": 1,
            "last_activity": last,
        }
        assert (second["assignment_id"], second["annotations"], second["replies"]) == ("a2", 1, 0)
        assert self.ask(client, bulk, "assignment", assignment_ids=["a2"]) == [second]
        [bobs] = self.ask(client, bulk, "assignment", h_userids=["acct:alice@lms.test", "acct:bob@x.test"])
        assert bobs["replies"] == 0
        assert self.ask(client, bulk, "assignment", groups=["unknown"]) == []

    def test_by_user(self, client: TestClient, bulk: dict[str, str], last: str) -> None:
        alice, bob = self.ask(client, bulk, "user")
        assert (alice["userid"], alice["display_name"], alice["assignment_id"]) == (
            "acct:alice@lms.test",
            "Alice",
            None,
        )
        assert [alice[name] for name in ("annotations", "replies", "page_notes")] == [2, 0, 1]
        assert [bob[name] for name in ("annotations", "replies", "page_notes")] == [1, 1, 0]
        assert self.ask(client, bulk, "user", h_userids=["acct:bob@lms.test"]) == [bob]
        assert self.ask(client, bulk, "user", h_userids=[]) == []

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"group_by": "user"},
            {"group_by": "course", "filter": {"groups": ["x"]}},
            {"group_by": "user", "filter": {"groups": []}},
            {"group_by": "user", "filter": {"groups": ["x"], "h_userids": ["bob"]}},
            {"group_by": "user", "filter": {"groups": ["x"], "h_userids": [["bob"], 1]}},
            {"group_by": "user", "filter": {"groups": ["x"], "assignment_ids": [1]}},
        ],
    )
    def test_need_a_filter_that_makes_sense(self, client: TestClient, bulk: dict[str, str], body: Any) -> None:
        assert client.post("/api/bulk/lms/annotations", json=body, headers=bulk).status_code == 400


class TestCapability:
    @pytest.mark.parametrize("path", ["annotation", "group", "lms/annotations"])
    def test_is_needed(self, client: TestClient, basic_auth: Any, path: str) -> None:
        for headers in ({}, basic_auth(AUTHORITY)):
            assert client.post(f"/api/bulk/{path}", json={}, headers=headers).status_code == 404
