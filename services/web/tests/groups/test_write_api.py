"""Creating and changing groups."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.groups import GroupReadersChanged, GroupUpdated, MembershipCreated
from hcommon.models import Group, GroupMembership, User
from hcommon.models.group import Role
from hcommon.testing.factories import add_member, make_group, make_user, make_world_group, recorded_events
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Token = Callable[[User], dict[str, str]]
BasicAuth = Callable[..., dict[str, str]]

BAD_NAME = "must have 3 to 25 characters and no white space around it"


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, username="maria")


def owned(session: Session, user: User, *, role: Role = Role.OWNER, **columns: Any) -> Group:
    group = make_group(session, **columns)
    add_member(session, group=group, user=user, role=role)
    return group


class TestCreate:
    def test_a_user_owns_the_group_that_they_create(
        self, client: TestClient, session: Session, user: User, token: Token
    ) -> None:
        answer = client.post("/api/groups", json={"name": "My Group", "description": "Ours"}, headers=token(user))
        assert answer.status_code == 200
        group = session.scalars(select(Group).where(Group.name == "My Group")).one()
        assert answer.json() == {
            "id": group.pubid,
            "links": {"html": f"http://example.org/groups/{group.pubid}/my-group"},
            "groupid": None,
            "name": "My Group",
            "organization": None,
            "public": False,
            "scoped": False,
            "type": "private",
            "pre_moderated": False,
            "scopes": {"enforced": False, "uri_patterns": []},
        }
        assert (group.description, group.creator_id) == ("Ours", user.id)
        [membership] = session.scalars(select(GroupMembership).where(GroupMembership.group_id == group.id))
        assert (membership.user_id, membership.role) == (user.id, "owner")
        [event] = [event for event in recorded_events(session) if isinstance(event, MembershipCreated)]
        assert (event.group_id, event.user_id) == (group.id, user.id)

    @pytest.mark.parametrize(
        ("group_type", "access"),
        [
            ("private", ("authority", "members", "members")),
            ("restricted", ("nobody", "world", "members")),
            ("open", ("nobody", "world", "authority")),
        ],
    )
    def test_its_type_says_who_joins_reads_and_writes(
        self,
        client: TestClient,
        session: Session,
        user: User,
        token: Token,
        *,
        group_type: str,
        access: tuple[str, ...],
    ) -> None:
        body = {"name": "Group", "type": group_type}
        assert client.post("/api/groups", json=body, headers=token(user)).json()["type"] == group_type
        group = session.scalars(select(Group).where(Group.name == "Group")).one()
        assert (group.joinable_by, group.readable_by, group.writeable_by) == access

    def test_unknown_fields_mean_nothing(self, client: TestClient, user: User, token: Token) -> None:
        body = {"name": "Group", "id": "mine", "organization": "mine", "scopes": ["https://example.com"]}
        shown = client.post("/api/groups", json=body, headers=token(user)).json()
        assert (shown["id"] != "mine", shown["organization"], shown["scoped"]) == (True, None, False)

    def test_pre_moderation_is_off_where_the_server_does_not_offer_it(
        self, client: TestClient, user: User, token: Token
    ) -> None:
        body = {"name": "Group", "pre_moderated": True}
        assert client.post("/api/groups", json=body, headers=token(user)).json()["pre_moderated"] is False

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({}, "name: is required"),
            ({"name": "ab"}, f"name: {BAD_NAME}"),
            ({"name": "x" * 26}, f"name: {BAD_NAME}"),
            ({"name": " spaced"}, f"name: {BAD_NAME}"),
            ({"name": "a\0bc"}, "name: must not contain a NUL character"),
            ({"name": 12345}, "name: must be a string"),
            ({"name": None}, "name: must be a string"),
            ({"name": "Group", "description": "x" * 251}, "description: must not be longer than 250 characters"),
            ({"name": "Group", "type": "secret"}, "type: must be one of private, restricted, open"),
            ({"name": "Group", "type": []}, "type: must be a string"),
            ({"name": "Group", "pre_moderated": 1}, "pre_moderated: must be true or false"),
            ({"name": "Group", "groupid": "nonsense"}, "groupid: must have the form group:id@authority"),
            (
                {"name": "Group", "groupid": "group:a@example.org"},
                "groupid: groups of this site's own authority have none",
            ),
            ({"name": "Group", "groupid": "group:a@lms.example"}, "groupid: must end with @example.org"),
            (
                {"name": "ab", "type": "odd"},
                f"name: {BAD_NAME}, type: must be one of private, restricted, open",
            ),
        ],
    )
    def test_what_cannot_be_is_named(
        self, client: TestClient, session: Session, user: User, token: Token, *, body: dict[str, Any], reason: str
    ) -> None:
        answer = client.post("/api/groups", json=body, headers=token(user))
        assert (answer.status_code, answer.json()) == (400, {"status": "failure", "reason": reason})
        assert session.scalars(select(Group)).all() == []

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"null"])
    def test_a_body_that_is_no_object_is_refused(
        self, client: TestClient, user: User, token: Token, content: bytes
    ) -> None:
        assert client.post("/api/groups", content=content, headers=token(user)).status_code == 400

    def test_nobody_creates_nothing(self, client: TestClient, basic_auth: BasicAuth) -> None:
        for headers in ({}, {"Authorization": "Bearer dead"}, basic_auth("lms.example")):
            assert client.post("/api/groups", json={"name": "Group"}, headers=headers).status_code == 404


class TestCreateByAClient:
    def test_a_forwarded_user_owns_it(self, client: TestClient, session: Session, basic_auth: BasicAuth) -> None:
        student = make_user(session, username="Al.Bert", authority="lms.example")
        headers = basic_auth("lms.example", user="acct:albert@lms.example")
        body = {"name": "Course", "groupid": "group:course-1@lms.example"}
        shown = client.post("/api/groups", json=body, headers=headers).json()
        assert (shown["groupid"], shown["links"]) == ("group:course-1@lms.example", {})
        [membership] = session.scalars(select(GroupMembership))
        assert (membership.user_id, membership.role) == (student.id, "owner")

    @pytest.mark.parametrize("userid", ["acct:nobody@lms.example", "acct:maria@example.org", "maria", ""])
    def test_a_user_who_is_not_theirs_voids_the_request(
        self, client: TestClient, user: User, basic_auth: BasicAuth, userid: str
    ) -> None:
        headers = basic_auth("lms.example", user=userid)
        assert client.post("/api/groups", json={"name": "Course"}, headers=headers).status_code == 404

    def test_a_groupid_is_taken_once(self, client: TestClient, session: Session, basic_auth: BasicAuth) -> None:
        make_user(session, username="al", authority="lms.example")
        headers = basic_auth("lms.example", user="acct:al@lms.example")
        body = {"name": "Course", "groupid": "group:course-1@lms.example"}
        assert client.post("/api/groups", json=body, headers=headers).status_code == 200
        answer = client.post("/api/groups", json=body, headers=headers)
        assert answer.status_code == 409
        assert "group:course-1@lms.example" in answer.json()["reason"]
        assert len(session.scalars(select(Group)).all()) == 1


class TestRead:
    def test_a_client_reads_the_groups_of_its_authority(
        self, client: TestClient, session: Session, basic_auth: BasicAuth
    ) -> None:
        group = make_group(session, authority="lms.example")
        path = f"/api/groups/{group.pubid}"
        assert client.get(path, headers=basic_auth("lms.example")).status_code == 200
        assert client.get(path, headers=basic_auth("other.example")).status_code == 404


class TestUpdate:
    @pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN, Role.OWNER])
    def test_those_who_moderate_it_change_it(
        self, client: TestClient, session: Session, user: User, token: Token, role: Role
    ) -> None:
        group = owned(session, user, role=role)
        answer = client.patch(f"/api/groups/{group.pubid}", json={"name": "Renamed"}, headers=token(user))
        assert answer.status_code == 200
        assert (answer.json()["name"], answer.json()["groupid"], answer.json()["type"]) == ("Renamed", None, "private")
        assert answer.json()["scopes"] == {"enforced": False, "uri_patterns": []}
        events = [event for event in recorded_events(session) if isinstance(event, GroupUpdated)]
        assert [(event.group_id, event.readers_changed) for event in events] == [(group.id, False)]

    def test_others_do_not(
        self, client: TestClient, session: Session, user: User, token: Token, basic_auth: BasicAuth
    ) -> None:
        group = make_group(session, kind="open", name="Kept")
        add_member(session, group=group, user=user)
        stranger = make_user(session)
        for headers in ({}, token(user), token(stranger), basic_auth("lms.example")):
            answer = client.patch(f"/api/groups/{group.pubid}", json={"name": "Changed"}, headers=headers)
            assert answer.status_code == 404
        session.refresh(group)
        assert group.name == "Kept"
        assert recorded_events(session) == []

    def test_a_client_of_its_authority_does_with_and_without_a_user(
        self, client: TestClient, session: Session, basic_auth: BasicAuth
    ) -> None:
        group = make_group(session, authority="lms.example", authority_provided_id="old")
        make_user(session, username="al", authority="lms.example")
        for number, forwarded in enumerate((None, "acct:al@lms.example")):
            body = {"name": f"Course {number}", "groupid": f"group:new-{number}@lms.example"}
            headers = basic_auth("lms.example", user=forwarded)
            shown = client.patch(f"/api/groups/{group.pubid}", json=body, headers=headers).json()
            assert (shown["name"], shown["groupid"]) == (body["name"], body["groupid"])
        by_groupid = client.patch("/api/groups/group:new-1@lms.example", json={}, headers=basic_auth("lms.example"))
        assert by_groupid.json()["id"] == group.pubid

    def test_another_groups_groupid_is_refused(
        self, client: TestClient, session: Session, basic_auth: BasicAuth
    ) -> None:
        headers = basic_auth("lms.example")
        groups = [make_group(session, authority="lms.example", authority_provided_id=name) for name in ("one", "two")]
        own, other = ({"groupid": f"group:{name}@lms.example"} for name in ("one", "two"))
        assert client.patch(f"/api/groups/{groups[0].pubid}", json=own, headers=headers).status_code == 200
        answer = client.patch(f"/api/groups/{groups[0].pubid}", json=other, headers=headers)
        assert answer.status_code == 409
        assert "group:two@lms.example" in answer.json()["reason"]

    @pytest.mark.parametrize("body", [{}, {"id": "x", "organization": "x", "scopes": []}])
    def test_a_body_that_says_nothing_changes_nothing(
        self, client: TestClient, session: Session, user: User, token: Token, body: dict[str, Any]
    ) -> None:
        group = owned(session, user, name="Kept", kind="open")
        answer = client.patch(f"/api/groups/{group.pubid}", json=body, headers=token(user))
        assert (answer.status_code, answer.json()["id"], answer.json()["name"]) == (200, group.pubid, "Kept")
        assert recorded_events(session) == []

    def test_what_is_so_already_is_no_change(
        self, client: TestClient, session: Session, user: User, token: Token
    ) -> None:
        group = owned(session, user, name="Kept", kind="open")
        client.patch(f"/api/groups/{group.pubid}", json={"name": "Kept", "type": "open"}, headers=token(user))
        assert recorded_events(session) == []

    def test_what_cannot_be_is_named(self, client: TestClient, session: Session, user: User, token: Token) -> None:
        group = owned(session, user)
        for body in ({"name": "x" * 26}, {"groupid": "nonsense"}, {"type": "odd"}):
            answer = client.patch(f"/api/groups/{group.pubid}", json=body, headers=token(user))
            assert (answer.status_code, answer.json()["reason"].partition(":")[0]) == (400, next(iter(body)))

    @pytest.mark.parametrize(
        ("kind", "becomes", "readers_changed"),
        [
            ("private", "open", True),
            ("private", "restricted", True),
            ("open", "private", True),
            ("restricted", "open", False),
        ],
    )
    def test_its_type_may_change_and_the_index_is_told_when_others_read_it(
        self,
        client: TestClient,
        session: Session,
        user: User,
        token: Token,
        *,
        kind: str,
        becomes: str,
        readers_changed: bool,
    ) -> None:
        group = owned(session, user, kind=kind)
        shown = client.patch(f"/api/groups/{group.pubid}", json={"type": becomes}, headers=token(user)).json()
        assert (shown["type"], shown["public"]) == (becomes, becomes != "private")
        [event] = [event for event in recorded_events(session) if isinstance(event, GroupUpdated)]
        assert event.readers_changed is readers_changed
        stale = [told.group_id for told in recorded_events(session) if isinstance(told, GroupReadersChanged)]
        assert stale == ([group.id] if readers_changed else [])

    def test_the_public_group_stays_public(
        self, client: TestClient, session: Session, user: User, token: Token
    ) -> None:
        add_member(session, group=make_world_group(session), user=user, role=Role.OWNER)
        answer = client.patch("/api/groups/__world__", json={"type": "private"}, headers=token(user))
        assert (answer.status_code, answer.json()["reason"]) == (400, "type: the public group is always open")

    def test_an_unknown_group_is_not_found(self, client: TestClient, user: User, token: Token) -> None:
        assert client.patch("/api/groups/nothing1", json={}, headers=token(user)).status_code == 404
