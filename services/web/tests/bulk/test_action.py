"""`POST /api/bulk`: jobs of users, groups and memberships."""

import json
from typing import Any

import pytest
from hcommon.models import Group, GroupMembership, User, UserIdentity
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import make_access_token, make_group, make_user, recorded_events
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

AUTHORITY = "lms.test"


def configure(total: int, **values: Any) -> list[Any]:
    body = {
        "view": "basic",
        "user": {"effective": f"acct:teacher@{AUTHORITY}"},
        "instructions": {"total": total},
        "defaults": [["create", "*", {"on_duplicate": "continue"}], ["upsert", "*", {"merge_query": True}]],
    }
    return ["configure", body | values]


def user(name: str, *, anchor: str | None = None, **attributes: Any) -> list[Any]:
    given = {"display_name": name.title(), "identities": [{"provider": "canvas", "provider_unique_id": name}]}
    meta = {"query": {"authority": AUTHORITY, "username": name}, "$anchor": anchor or f"user:{name}"}
    return ["upsert", {"data": {"type": "user", "attributes": given | attributes, "meta": meta}}]


def group(provided_id: str, name: str = "Course") -> list[Any]:
    meta = {"query": {"authority": AUTHORITY, "authority_provided_id": provided_id}, "$anchor": f"group:{provided_id}"}
    return ["upsert", {"data": {"type": "group", "attributes": {"name": name}, "meta": meta}}]


def member(name: str, provided_id: str) -> list[Any]:
    relationships = {
        "member": {"data": {"type": "user", "id": {"$ref": f"user:{name}"}}},
        "group": {"data": {"type": "group", "id": {"$ref": f"group:{provided_id}"}}},
    }
    return ["create", {"data": {"type": "group_membership", "relationships": relationships}}]


class Jobs:
    """Sends jobs."""

    def __init__(self, client: TestClient, headers: dict[str, str]) -> None:
        self._client = client
        self.headers = headers

    def send(self, *lines: Any) -> Any:
        body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        return self._client.post("/api/bulk", content=body.encode(), headers=self.headers)

    def done(self, *commands: Any) -> list[Any]:
        answer = self.send(configure(len(commands) + 1), *commands)
        assert answer.status_code == 200, answer.text
        return [json.loads(line)["data"] for line in answer.text.splitlines()]

    def refusal(self, *lines: Any, status: int = 400) -> tuple[str, str, str | None]:
        answer = self.send(*lines)
        assert answer.status_code == status, answer.text
        [error] = answer.json()["errors"]
        assert error["status"] == str(status)
        return error["code"], error["detail"], error.get("source", {}).get("pointer")


@pytest.fixture
def teacher(session: Session) -> User:
    return make_user(session, username="teacher", authority=AUTHORITY)


@pytest.fixture
def jobs(client: TestClient, basic_auth: Any, teacher: User) -> Jobs:
    return Jobs(client, basic_auth(AUTHORITY, capabilities=["bulk"]))


class TestJob:
    def test_makes_users_groups_and_memberships(self, jobs: Jobs, session: Session, teacher: User) -> None:
        commands = [user("alice"), *[group(f"g{n}") for n in range(3)], *[member("alice", f"g{n}") for n in range(3)]]
        answer = jobs.send(configure(8), *commands)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        assert answer.headers["hypothesis-media-type"] == "application/vnd.hypothesis.v1+x-ndjson"
        done = [json.loads(line)["data"] for line in answer.text.splitlines()]
        ids = list(session.scalars(select(GroupMembership.id).order_by(GroupMembership.group_id)))
        assert done == [
            {"type": "user", "id": "acct:alice@lms.test"},
            *[{"type": "group", "id": f"group:g{n}@lms.test"} for n in range(3)],
            *[{"type": "group_membership", "id": membership_id} for membership_id in ids],
        ]
        alice = session.scalars(select(User).where(User.username == "alice")).one()
        assert (alice.display_name, alice.password_hash, alice.activated_at is not None) == ("Alice", None, True)
        assert session.scalars(select(UserIdentity.user_id)).all() == [alice.id]
        made = session.scalars(select(Group).where(Group.authority_provided_id == "g1")).one()
        assert (made.name, made.creator_id, made.readable_by, made.writeable_by) == (
            "Course",
            teacher.id,
            "members",
            "members",
        )
        membership = session.scalars(select(GroupMembership)).first()
        assert (membership.user_id, membership.role) == (alice.id, "member")

    def test_without_a_view_is_answered_with_nothing(self, jobs: Jobs) -> None:
        answer = jobs.send(configure(2, view=None), group("g"))
        assert (answer.status_code, answer.content) == (204, b"")

    def test_can_be_sent_again(self, jobs: Jobs, session: Session) -> None:
        commands = [user("alice"), group("g"), member("alice", "g")]
        first = jobs.done(*commands)
        events = len(recorded_events(session))
        assert jobs.done(*commands) == first
        assert len(recorded_events(session)) == events
        for table, count in ((UserIdentity, 1), (Group, 1), (GroupMembership, 1)):
            assert session.scalar(select(func.count()).select_from(table)) == count

    def test_brings_up_to_date_what_is_there(self, jobs: Jobs, session: Session) -> None:
        jobs.done(user("al.ice"), group("g", "Before"))
        [done, _] = jobs.done(user("ALICE", display_name="Al"), group("g", "After"))
        assert done["id"] == "acct:al.ice@lms.test"
        assert session.scalar(select(User.display_name).where(User.username == "al.ice")) == "Al"
        assert session.scalar(select(Group.name)) == "After"
        jobs.done(user("alice", display_name=None))
        assert session.scalar(select(User.display_name).where(User.username == "al.ice")) == "Al"

    def test_tells_of_members_and_of_new_names(self, jobs: Jobs, session: Session) -> None:
        jobs.done(user("alice"), group("g", "Before"), member("alice", "g"), member("alice", "g"))
        assert [found.TYPE for found in recorded_events(session)] == ["membership.created"]
        jobs.done(group("g", "After"))
        assert [found.TYPE for found in recorded_events(session)] == ["membership.created", "group.updated"]

    def test_leaves_the_roles_of_members_alone(self, jobs: Jobs, session: Session) -> None:
        jobs.done(user("alice"), group("g"), member("alice", "g"))
        session.scalars(select(GroupMembership)).one().role = "moderator"
        session.flush()
        jobs.done(user("alice"), group("g"), member("alice", "g"))
        session.expire_all()
        assert session.scalars(select(GroupMembership.role)).all() == ["moderator"]

    def test_may_name_one_thing_twice(self, jobs: Jobs, session: Session) -> None:
        done = jobs.done(user("alice"), user("alice", display_name="Last"), group("g", "One"), group("g", "Two"))
        assert [item["id"] for item in done] == ["acct:alice@lms.test"] * 2 + ["group:g@lms.test"] * 2
        assert session.scalar(select(User.display_name).where(User.username == "alice")) == "Last"

    def test_takes_as_many_statements_for_a_hundred_as_for_one(
        self, jobs: Jobs, rolled_back: RolledBackDatabase
    ) -> None:
        statements: list[str] = []
        event.listen(
            rolled_back._connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
        )

        def counted(prefix: str, many: int) -> int:
            before = len(statements)
            names = [f"{prefix}{number}" for number in range(many)]
            jobs.done(*[user(name) for name in names], *[group(name) for name in names], *[member(n, n) for n in names])
            return len(statements) - before

        assert counted("one", 1) == counted("many", 100)

    def test_of_another_authority_changes_nobody_s(self, jobs: Jobs, session: Session) -> None:
        make_user(session, username="alice", authority="other.test")
        make_group(session, authority="other.test", authority_provided_id="g", name="Theirs")
        jobs.done(user("alice"), group("g", "Ours"))
        assert set(session.scalars(select(Group.name))) == {"Theirs", "Ours"}


class TestRefusal:
    def test_of_whoever_has_no_capability(self, client: TestClient, basic_auth: Any, teacher: User) -> None:
        headers = [{}, basic_auth(AUTHORITY), {"Authorization": "Bearer x"}]
        assert [Jobs(client, given).send(configure(2), group("g")).status_code for given in headers] == [404] * 3

    def test_of_users(self, client: TestClient, session: Session, teacher: User) -> None:
        token = make_access_token(session, user=teacher)
        answer = Jobs(client, {"Authorization": f"Bearer {token}"}).send(configure(2), group("g"))
        assert answer.status_code == 404

    @pytest.mark.parametrize(
        ("lines", "code", "pointer"),
        [
            ([], "CommandSequenceError", "/0"),
            ([group("g")], "CommandSequenceError", "/0"),
            ([configure(3), group("g"), configure(3)], "CommandSequenceError", "/2"),
            ([configure(3), group("g")], "CommandSequenceError", None),
            ([configure(2), group("g"), group("h")], "CommandSequenceError", "/2"),
            ([configure(2), "{"], "InvalidJSONError", "/1"),
            ([configure(2), "[]"], "SchemaValidationError", "/1"),
            ([configure(2), '"x"'], "SchemaValidationError", "/1"),
            ([configure(2), ["upsert", []]], "SchemaValidationError", "/1"),
            ([configure(2), ["delete", {}]], "SchemaValidationError", "/1"),
            ([configure(2), ["upsert", {}]], "SchemaValidationError", "/1"),
            ([configure(2), ["upsert", {"data": {"type": "annotation"}}]], "SchemaValidationError", "/1"),
            ([configure(2), ["create", {"data": {"type": "user"}}]], "SchemaValidationError", "/1"),
            ([configure(2), ["create", {"data": {"type": "group_membership"}}]], "SchemaValidationError", "/1"),
            ([configure(1)], "SchemaValidationError", "/0"),
            ([configure(1001)], "SchemaValidationError", "/0"),
            ([configure(2, instructions={"total": True})], "SchemaValidationError", "/0"),
            ([configure(2, view="all"), group("g")], "SchemaValidationError", "/0"),
            ([configure(2, user={"effective": "teacher"}), group("g")], "SchemaValidationError", "/0"),
            ([configure(2, defaults=[["create", "*", {"on_duplicate": "fail"}]])], "SchemaValidationError", "/0"),
            ([configure(2, user={"effective": "acct:teacher@x.test"}), group("g")], "InvalidDeclarationError", "/0"),
            ([configure(2, user={"effective": "acct:nobody@lms.test"}), group("g")], "InvalidDeclarationError", "/0"),
            ([configure(3), group("g"), member("alice", "g")], "InvalidDeclarationError", "/2"),
            ([configure(2), user("a")], "SchemaValidationError", "/1"),
            ([configure(2), user("alice", identities=[])], "SchemaValidationError", "/1"),
            ([configure(2), user("alice", display_name="x" * 31)], "SchemaValidationError", "/1"),
            ([configure(2), group("g g")], "SchemaValidationError", "/1"),
            ([configure(2), group("g", " x ")], "SchemaValidationError", "/1"),
        ],
    )
    def test_names_what_is_wrong(self, jobs: Jobs, lines: list[Any], code: str, pointer: str | None) -> None:
        found, _, where = jobs.refusal(*lines)
        assert (found, where) == (code, pointer)

    def test_says_where_in_the_line(self, jobs: Jobs) -> None:
        answer = jobs.send(configure(2), user("alice", identities=[{"provider": "x"}])).json()
        assert answer["errors"][0]["meta"] == {
            "schema": {"pointer": "#/data/attributes/identities/0/provider_unique_id"},
            "context": [],
        }

    def test_of_another_authority(self, jobs: Jobs) -> None:
        foreign = group("g")
        foreign[1]["data"]["meta"]["query"]["authority"] = "other.test"
        assert "does not match" in jobs.refusal(configure(2), foreign)[1]

    @pytest.mark.parametrize("together", [True, False])
    def test_of_an_identity_that_is_another_s_and_nothing_is_done(
        self, jobs: Jobs, session: Session, *, together: bool
    ) -> None:
        identity = {"identities": [{"provider": "canvas", "provider_unique_id": "alice"}]}
        if not together:
            jobs.done(user("alice"))
        lines = [user("alice"), user("bob", **identity)] if together else [group("g"), user("bob", **identity)]
        assert jobs.refusal(configure(3), *lines, status=409)[0] == "ConflictingDataError"
        assert session.scalar(select(User).where(User.username == "bob")) is None
        assert session.scalar(select(Group)) is None

    def test_of_a_user_who_is_being_deleted(self, jobs: Jobs, session: Session) -> None:
        make_user(session, username="alice", authority=AUTHORITY, deleted=True)
        assert jobs.refusal(configure(2), user("alice"), status=409)[0] == "ConflictingDataError"
