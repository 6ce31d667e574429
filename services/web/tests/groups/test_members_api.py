"""Members of groups: who sees them, and what they may do to each other."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hcommon.events.groups import MembershipChanged, MembershipCreated, MembershipDeleted
from hcommon.models import Group, GroupMembership, User
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import add_member, make_group, make_user, make_world_group, recorded_events
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Token = Callable[[User], dict[str, str]]
BasicAuth = Callable[..., dict[str, str]]

MEMBER, MODERATOR, ADMIN, OWNER = Role
EVERY = tuple(Role)

REMOVABLE = {OWNER: {OWNER, ADMIN, MODERATOR, MEMBER}, ADMIN: {MODERATOR, MEMBER}, MODERATOR: {MEMBER}, MEMBER: set()}
"""Whom each role removes; nobody is a stranger."""


def assignable(actor: Role | None, target: Role, *, own: bool) -> Sequence[Role]:
    """Return the roles that the specification lets somebody give, in words of its own."""
    if actor is OWNER:
        return EVERY
    if own:
        return {ADMIN: (MEMBER, MODERATOR, ADMIN), MODERATOR: (MEMBER, MODERATOR), MEMBER: (), None: ()}[actor]
    return (MEMBER, MODERATOR) if actor is ADMIN and target in (MEMBER, MODERATOR) else ()


def names_of_actions(actor: Role | None, target: Role, *, own: bool) -> list[str]:
    removes = own or target in REMOVABLE.get(actor, set())
    return ["delete"] * removes + [f"updates.roles.{role}" for role in assignable(actor, target, own=own)]


@pytest.fixture
def group(session: Session) -> Group:
    return make_group(session)


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, username="Ma.ria", display_name="Maria")


def path(group: Group, whose: User | str = "") -> str:
    if isinstance(whose, User):
        whose = f"acct:{whose.username}@{whose.authority}"
    return f"/api/groups/{group.pubid}/members{'/' if whose else ''}{whose}"


def roles(session: Session, group: Group) -> dict[int, str]:
    found = select(GroupMembership.user_id, GroupMembership.role).where(GroupMembership.group_id == group.id)
    return {row.user_id: row.role for row in session.execute(found)}


def events(session: Session) -> list[tuple[type, int]]:
    return [(type(told), told.user_id) for told in recorded_events(session) if hasattr(told, "user_id")]


def fill(session: Session, group: Group, number: int) -> list[str]:
    """Make members, who joined one after another, and return their names in that order."""
    names = [f"member{number - place}" for place in range(number)]
    for place, name in enumerate(names):
        joined = add_member(session, group=group, user=make_user(session, username=name))
        joined.created = START + timedelta(minutes=place)
    session.flush()
    return names


class TestList:
    def test_anybody_sees_who_is_in_a_group_that_the_world_reads(
        self, client: TestClient, session: Session, user: User
    ) -> None:
        group = make_group(session, kind="restricted")
        add_member(session, group=group, user=user, role=ADMIN)
        assert client.get(path(group)).json() == [
            {
                "authority": "example.org",
                "userid": "acct:Ma.ria@example.org",
                "username": "Ma.ria",
                "display_name": "Maria",
                "roles": ["admin"],
                "actions": [],
                "created": START.isoformat(timespec="microseconds"),
                "updated": START.isoformat(timespec="microseconds"),
            }
        ]

    def test_all_are_listed_by_when_they_joined(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open")
        names = fill(session, group, 25)
        assert [member["username"] for member in client.get(path(group)).json()] == names
        assert len(client.get(path(group), params={"page[size]": 3}).json()) == 25

    def test_those_who_joined_at_once_are_listed_by_name(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open")
        for name in ("bob", "ann", "cid"):
            add_member(session, group=group, user=make_user(session, username=name))
        assert [member["username"] for member in client.get(path(group)).json()] == ["ann", "bob", "cid"]

    def test_a_private_groups_members_are_seen_by_members_and_its_authoritys_clients(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, basic_auth: BasicAuth
    ) -> None:
        add_member(session, group=group, user=user)
        stranger = make_user(session)
        for headers in ({}, token(stranger), basic_auth("lms.example")):
            assert client.get(path(group), headers=headers).status_code == 404
            assert client.get(path(group), params={"page[number]": 1}, headers=headers).status_code == 404
        assert len(client.get(path(group), headers=token(user)).json()) == 1
        assert len(client.get(path(group), headers=basic_auth("example.org")).json()) == 1

    def test_own_entry_can_be_left_and_others_not_touched_by_a_plain_member(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token
    ) -> None:
        add_member(session, group=group, user=user)
        add_member(session, group=group, user=make_user(session, username="zoe"))
        listed = client.get(path(group), headers=token(user)).json()
        assert [member["actions"] for member in listed] == [["delete"], []]

    def test_deleted_users_are_no_members(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open")
        add_member(session, group=group, user=make_user(session, deleted=True))
        assert client.get(path(group)).json() == []
        assert client.get(path(group), params={"page[number]": 1}).json()["meta"] == {"page": {"total": 0}}

    def test_the_public_group_has_no_members(self, client: TestClient, session: Session) -> None:
        world = make_world_group(session)
        assert client.get(path(world)).json() == []

    def test_a_third_party_name_is_as_good(self, client: TestClient, session: Session) -> None:
        make_group(session, kind="open", authority="lms.example", authority_provided_id="c-1")
        assert client.get("/api/groups/group:c-1@lms.example/members").json() == []


class TestPages:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"page[number]": 2, "page[size]": 3}, slice(3, 6)),
            ({"page[number]": 1}, slice(0, 20)),
            ({"page[number]": 2}, slice(20, 25)),
            ({"page[number]": 3}, slice(0, 0)),
            ({"page[number]": 10**30, "page[size]": 100}, slice(0, 0)),
            ({"page[offset]": 4, "page[size]": 2}, slice(4, 6)),
        ],
    )
    def test_a_page_is_a_part_of_the_list_and_says_how_long_it_is(
        self, client: TestClient, session: Session, query: dict[str, int], expected: slice
    ) -> None:
        group = make_group(session, kind="open")
        names = fill(session, group, 25)
        answer = client.get(path(group), params=query).json()
        assert answer["meta"] == {"page": {"total": 25}}
        assert [member["username"] for member in answer["data"]] == names[expected]

    def test_an_empty_group_has_an_empty_page(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open")
        answer = client.get(path(group), params={"page[number]": 1}).json()
        assert answer == {"meta": {"page": {"total": 0}}, "data": []}

    def test_each_parameter_that_cannot_be_has_a_line(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open")
        answer = client.get(path(group), params={"page[number]": 0, "page[size]": 0})
        assert answer.status_code == 400
        assert [line.partition(":")[0] for line in answer.json()["reason"].split("\n")] == [
            "page[number]",
            "page[size]",
        ]
        assert client.get(path(group), params={"page[number]": 1, "page[size]": 101}).status_code == 400


class TestCost:
    @pytest.mark.parametrize(("query", "most"), [({}, 3), ({"page[number]": 1, "page[size]": 100}, 4)])
    def test_many_members_take_as_many_statements_as_one(
        self,
        client: TestClient,
        session: Session,
        rolled_back: RolledBackDatabase,
        group: Group,
        *,
        token: Token,
        query: dict[str, int],
        most: int,
    ) -> None:
        user = make_user(session)
        add_member(session, group=group, user=user)
        headers = token(user)
        statements: list[str] = []
        event.listen(
            rolled_back._connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
        )
        counts = []
        for more in (0, 199):
            fill(session, group, more)
            statements.clear()
            assert client.get(path(group), params=query, headers=headers).status_code == 200
            counts.append(len(statements))
        assert counts == [most, most]


class TestReadOne:
    def test_an_owner_may_do_everything_to_others(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token
    ) -> None:
        owner = make_user(session)
        add_member(session, group=group, user=owner, role=OWNER)
        add_member(session, group=group, user=user)
        shown = client.get(path(group, "acct:MARIA@example.org"), headers=token(owner)).json()
        assert (shown["userid"], shown["roles"]) == ("acct:Ma.ria@example.org", ["member"])
        assert shown["actions"] == [
            "delete",
            "updates.roles.member",
            "updates.roles.moderator",
            "updates.roles.admin",
            "updates.roles.owner",
        ]

    @pytest.mark.parametrize("kind", ["open", "restricted"])
    def test_anybody_reads_it_in_a_group_that_the_world_reads(
        self, client: TestClient, session: Session, user: User, kind: str
    ) -> None:
        group = make_group(session, kind=kind)
        add_member(session, group=group, user=user)
        assert client.get(path(group, user)).json()["actions"] == []

    def test_i_am_me(self, client: TestClient, session: Session, group: Group, user: User, *, token: Token) -> None:
        add_member(session, group=group, user=user)
        assert client.get(path(group, "me"), headers=token(user)).json()["username"] == "Ma.ria"
        assert client.get(path(group, "me")).status_code == 404

    def test_whatever_is_not_there_or_not_for_the_caller_is_not_found(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token
    ) -> None:
        add_member(session, group=group, user=user)
        stranger = make_user(session)
        headers = token(user)
        for whose in (stranger, "acct:nobody@example.org", "nonsense", "acct:a%20b@example.org"):
            assert client.get(path(group, whose), headers=headers).status_code == 404
        assert client.get(path(group, user), headers=token(stranger)).status_code == 404
        assert client.get(path(group, user)).status_code == 404
        assert client.get("/api/groups/nothing1/members/me", headers=headers).status_code == 404


class TestAdd:
    @pytest.fixture
    def group(self, session: Session) -> Group:
        return make_group(session, authority="lms.example")

    @pytest.fixture
    def user(self, session: Session) -> User:
        return make_user(session, username="al", authority="lms.example")

    @pytest.mark.parametrize(
        ("body", "role"), [({"roles": [role.value]}, role) for role in Role] + [(None, MEMBER), ({}, MEMBER)]
    )
    def test_a_client_adds_a_user_of_its_authority(
        self,
        client: TestClient,
        session: Session,
        group: Group,
        user: User,
        *,
        basic_auth: BasicAuth,
        body: Any,
        role: Role,
    ) -> None:
        arguments = {} if body is None else {"json": body}
        answer = client.post(path(group, user), headers=basic_auth("lms.example"), **arguments)
        assert (answer.status_code, answer.json()["roles"], answer.json()["actions"]) == (200, [role.value], [])
        assert roles(session, group) == {user.id: role}
        assert events(session) == [(MembershipCreated, user.id)]

    def test_adding_again_changes_nothing_and_another_role_conflicts(
        self, client: TestClient, session: Session, group: Group, user: User, *, basic_auth: BasicAuth
    ) -> None:
        add_member(session, group=group, user=user, role=ADMIN)
        headers = basic_auth("lms.example")
        assert client.post(path(group, user), headers=headers).json()["roles"] == ["admin"]
        assert client.post(path(group, user), json={"roles": ["admin"]}, headers=headers).status_code == 200
        assert client.post(path(group, user), json={"roles": ["member"]}, headers=headers).status_code == 409
        assert roles(session, group) == {user.id: "admin"}
        assert events(session) == []

    def test_the_forwarded_user_is_me_and_nothing_else(
        self, client: TestClient, session: Session, group: Group, user: User, *, basic_auth: BasicAuth
    ) -> None:
        other = make_user(session, username="bo", authority="lms.example")
        forwarded = basic_auth("lms.example", user="acct:al@lms.example")
        assert client.post(path(group, other), headers=forwarded).json()["username"] == "bo"
        assert client.post(path(group, "me"), headers=forwarded).json()["username"] == "al"
        assert client.post(path(group, "me"), headers=basic_auth("lms.example")).status_code == 404
        wrong = basic_auth("lms.example", user="acct:al@example.org")
        assert client.post(path(group, other), headers=wrong).status_code == 404

    def test_only_clients_do_and_only_within_their_authority(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, basic_auth: BasicAuth
    ) -> None:
        owner = make_user(session, authority="lms.example")
        add_member(session, group=group, user=owner, role=OWNER)
        elsewhere = make_group(session, kind="open")
        stranger = make_user(session)
        mine = basic_auth("lms.example")
        refused = [
            (path(group, user), {}),
            (path(group, user), token(owner)),
            (path(group, user), basic_auth("example.org")),
            (path(elsewhere, user), mine),
            (path(group, stranger), mine),
            (path(elsewhere, stranger), mine),
            (path(group, "acct:nobody@lms.example"), mine),
            (path(group, "nonsense"), mine),
            ("/api/groups/nothing1/members/acct:al@lms.example", mine),
        ]
        for where, headers in refused:
            assert client.post(where, headers=headers).status_code == 404, where
        assert roles(session, group) == {owner.id: "owner"}

    @pytest.mark.parametrize(
        "body", [{"roles": []}, {"roles": ["king"]}, {"roles": ["member", "owner"]}, {"roles": "x"}, []]
    )
    def test_a_body_that_names_no_role_is_refused(
        self, client: TestClient, group: Group, user: User, *, basic_auth: BasicAuth, body: Any
    ) -> None:
        assert client.post(path(group, user), json=body, headers=basic_auth("lms.example")).status_code == 400


class TestRoleMatrix:
    """Each role, and a stranger, does each thing to a member of each role."""

    @pytest.fixture(params=[*Role, None], ids=lambda role: f"by-{role or 'stranger'}")
    def actor_role(self, request: pytest.FixtureRequest) -> Role | None:
        role: Role | None = request.param
        return role

    @pytest.fixture(params=[*Role], ids=lambda role: f"of-{role}")
    def target_role(self, request: pytest.FixtureRequest) -> Role:
        role: Role = request.param
        return role

    @pytest.fixture
    def actor(self, session: Session, group: Group, actor_role: Role | None) -> User:
        actor = make_user(session, username="actor")
        if actor_role is not None:
            add_member(session, group=group, user=actor, role=actor_role)
        return actor

    @pytest.fixture
    def target(self, session: Session, group: Group, target_role: Role) -> User:
        target = make_user(session, username="target")
        add_member(session, group=group, user=target, role=target_role)
        return target

    @pytest.fixture
    def group(self, session: Session) -> Group:
        return make_group(session, kind="restricted")

    def test_removal(
        self,
        client: TestClient,
        session: Session,
        group: Group,
        *,
        actor: User,
        target: User,
        actor_role: Role | None,
        target_role: Role,
        token: Token,
    ) -> None:
        before = roles(session, group)
        may = target_role in REMOVABLE.get(actor_role, set())
        answer = client.delete(path(group, target), headers=token(actor))
        assert answer.status_code == (204 if may else 404)
        after = {key: role for key, role in before.items() if not (may and key == target.id)}
        assert roles(session, group) == after
        assert events(session) == ([(MembershipDeleted, target.id)] if may else [])

    @pytest.mark.parametrize("role", [*Role])
    def test_change_of_role(
        self,
        client: TestClient,
        session: Session,
        group: Group,
        *,
        actor: User,
        target: User,
        actor_role: Role | None,
        target_role: Role,
        role: Role,
        token: Token,
    ) -> None:
        may = role in assignable(actor_role, target_role, own=False)
        answer = client.patch(path(group, target), json={"roles": [role]}, headers=token(actor))
        assert answer.status_code == (200 if may else 404)
        assert roles(session, group)[target.id] == (role if may else target_role)
        if may:
            assert answer.json()["actions"] == names_of_actions(actor_role, role, own=False)
        changed = may and role is not target_role
        assert events(session) == ([(MembershipChanged, target.id)] if changed else [])

    def test_what_is_said_to_be_possible(
        self,
        client: TestClient,
        group: Group,
        *,
        actor: User,
        target: User,
        actor_role: Role | None,
        target_role: Role,
        token: Token,
    ) -> None:
        shown = client.get(path(group, target), headers=token(actor)).json()
        assert shown["actions"] == names_of_actions(actor_role, target_role, own=False)


class TestOneself:
    @pytest.mark.parametrize("role", [*Role])
    @pytest.mark.parametrize("named", ["me", "acct:MARIA@example.org"])
    def test_everybody_may_leave(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, role: Role, named: str
    ) -> None:
        add_member(session, group=group, user=user, role=role)
        assert client.delete(path(group, named)).status_code == 404
        answer = client.delete(path(group, named), headers=token(user))
        assert (answer.status_code, answer.content) == (204, b"")
        assert roles(session, group) == {}
        assert client.delete(path(group, named), headers=token(user)).status_code == 404
        assert events(session) == [(MembershipDeleted, user.id)]

    @pytest.mark.parametrize("role", [*Role])
    @pytest.mark.parametrize("becomes", [*Role])
    def test_a_role_may_be_given_up_but_not_raised(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, role: Role, becomes: Role
    ) -> None:
        add_member(session, group=group, user=user, role=role)
        may = becomes in assignable(role, role, own=True)
        answer = client.patch(path(group, "me"), json={"roles": [becomes]}, headers=token(user))
        assert answer.status_code == (200 if may else 404)
        assert roles(session, group) == {user.id: becomes if may else role}
        if may:
            assert answer.json()["actions"] == names_of_actions(becomes, becomes, own=True)
            assert answer.json()["roles"] == [becomes]


class TestLastOwner:
    """Who goes, whichever way, leaves the group an owner."""

    @pytest.fixture
    def group(self, session: Session, user: User) -> Group:
        make_world_group(session)
        group = make_group(session, kind="restricted")
        add_member(session, group=group, user=user, role=OWNER)
        return group

    def leave(self, client: TestClient, group: Group, headers: dict[str, str]) -> None:
        assert client.delete(path(group, "me"), headers=headers).status_code == 204

    def demote(self, client: TestClient, group: Group, headers: dict[str, str]) -> None:
        answer = client.patch(path(group, "me"), json={"roles": ["member"]}, headers=headers)
        assert (answer.status_code, answer.json()["roles"]) == (200, ["member"])

    @pytest.mark.parametrize("way", ["leave", "demote"])
    def test_the_first_of_the_highest_role_becomes_one_and_is_told(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, way: str
    ) -> None:
        member, late, early = (make_user(session) for _ in range(3))
        add_member(session, group=group, user=member).created = START - timedelta(days=3)
        add_member(session, group=group, user=late, role=MODERATOR)
        add_member(session, group=group, user=early, role=MODERATOR).created = START - timedelta(days=2)
        session.flush()
        getattr(self, way)(client, group, token(user))
        left = {user.id: "member"} if way == "demote" else {}
        assert roles(session, group) == {member.id: "member", late.id: "moderator", early.id: "owner"} | left
        went = MembershipChanged if way == "demote" else MembershipDeleted
        assert events(session) == [(went, user.id), (MembershipChanged, early.id)]

    @pytest.mark.parametrize("way", ["leave", "demote"])
    def test_another_owner_is_enough(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, way: str
    ) -> None:
        other, admin = make_user(session), make_user(session)
        add_member(session, group=group, user=admin, role=ADMIN)
        add_member(session, group=group, user=other, role=OWNER)
        getattr(self, way)(client, group, token(user))
        assert (roles(session, group)[other.id], roles(session, group)[admin.id]) == ("owner", "admin")
        assert len(events(session)) == 1

    def test_the_only_member_may_leave_but_not_give_up_owning_it(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token
    ) -> None:
        add_member(session, group=group, user=make_user(session, deleted=True), role=ADMIN)
        headers = token(user)
        answer = client.patch(path(group, "me"), json={"roles": ["admin"]}, headers=headers)
        assert (answer.status_code, "needs an owner" in answer.json()["reason"]) == (409, True)
        assert roles(session, group)[user.id] == "owner"
        assert events(session) == []
        assert client.patch(path(group, "me"), json={"roles": ["owner"]}, headers=headers).status_code == 200
        self.leave(client, group, headers)
        assert events(session) == [(MembershipDeleted, user.id)]

    def test_groups_of_applications_are_theirs_to_see_to(
        self, client: TestClient, session: Session, token: Token
    ) -> None:
        make_world_group(session)
        group = make_group(session, authority="lms.example")
        teacher, pupil = (make_user(session, authority="lms.example") for _ in range(2))
        add_member(session, group=group, user=teacher, role=OWNER)
        add_member(session, group=group, user=pupil)
        self.leave(client, group, token(teacher))
        assert roles(session, group) == {pupil.id: "member"}


class TestRefusals:
    def test_whatever_is_not_there_is_not_found(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, basic_auth: BasicAuth
    ) -> None:
        add_member(session, group=group, user=user, role=OWNER)
        stranger = make_user(session)
        mine = token(user)
        places = [path(group, stranger), path(group, "acct:nobody@example.org"), path(group, "nonsense")]
        refused = [*[(place, mine) for place in places], ("/api/groups/nothing1/members/me", mine)]
        refused += [(path(group, "me"), {}), (path(group, user), {}), (path(group, user), basic_auth("example.org"))]
        for where, headers in refused:
            assert client.patch(where, json={"roles": ["member"]}, headers=headers).status_code == 404
            assert client.delete(where, headers=headers).status_code == 404
        assert roles(session, group) == {user.id: "owner"}

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ({"roles": ["king"]}, "roles.0"),
            ({"roles": [[]]}, "roles.0"),
            ({"roles": [None]}, "roles.0"),
            ({"roles": []}, "roles"),
            ({}, "roles"),
            ({"roles": ["member", "owner"]}, "roles"),
        ],
    )
    def test_a_role_that_does_not_exist_is_named(
        self, client: TestClient, session: Session, group: Group, user: User, *, token: Token, body: Any, place: str
    ) -> None:
        add_member(session, group=group, user=user, role=OWNER)
        answer = client.patch(path(group, "me"), json=body, headers=token(user))
        assert (answer.status_code, answer.json()["reason"].partition(": ")[0]) == (400, place)
