"""Pages of groups: joining, leaving, making and changing them."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.groups import GroupUpdated, MembershipCreated, MembershipDeleted
from hcommon.models import Group, GroupMembership, User
from hcommon.models.group import Role
from hcommon.testing.factories import add_member, make_group, make_user, make_world_group, recorded_events
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Submit = Callable[..., Any]
SignIn = Callable[[int], None]


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, username="maria")


def roles(session: Session, group: Group) -> dict[int, str]:
    found = select(GroupMembership.user_id, GroupMembership.role).where(GroupMembership.group_id == group.id)
    return {row.user_id: row.role for row in session.execute(found)}


class TestNewGroup:
    def test_a_visitor_is_asked_to_log_in_first(self, client: TestClient) -> None:
        answer = client.get("/groups/new")
        assert answer.status_code == 200
        assert "/login?next=%2Fgroups%2Fnew" in answer.text

    def test_a_user_makes_a_group_and_owns_it(
        self, session: Session, user: User, sign_in: SignIn, submit: Submit
    ) -> None:
        sign_in(user.id)
        fields = {"name": " Book club ", "description": "We\r\nread", "type": "restricted"}
        answer = submit("/groups/new", fields)
        group = session.scalars(select(Group).where(Group.name == "Book club")).one()
        assert (answer.status_code, answer.headers["location"]) == (303, f"/groups/{group.pubid}/book-club")
        assert (group.description, group.readable_by, group.authority) == ("We\nread", "world", "example.org")
        assert roles(session, group) == {user.id: "owner"}

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [("name", "ab", "3 to 25"), ("description", "x" * 251, "250"), ("type", "odd", "one of")],
    )
    def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_lost(
        self, user: User, sign_in: SignIn, submit: Submit, *, field: str, value: str, said: str
    ) -> None:
        sign_in(user.id)
        answer = submit("/groups/new", {"name": "Book club", "description": "We read", "type": "open", field: value})
        assert answer.status_code == 400
        assert said in answer.text
        assert value in answer.text or field == "type"
        assert field == "name" or "Book club" in answer.text

    def test_a_form_of_another_site_makes_nothing(self, client: TestClient, user: User, sign_in: SignIn) -> None:
        sign_in(user.id)
        assert client.post("/groups/new", data={"name": "Book club", "type": "open"}).status_code == 403

    def test_whoever_was_signed_out_meanwhile_logs_in_again(self, client: TestClient, submit: Submit) -> None:
        answer = submit("/login", {"name": "Book club", "type": "open"}, to="/groups/new")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fgroups%2Fnew")


class TestEditGroup:
    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.MODERATOR])
    def test_those_who_moderate_it_change_it(
        self, session: Session, user: User, sign_in: SignIn, submit: Submit, role: Role
    ) -> None:
        group = make_group(session, name="Old name")
        add_member(session, group=group, user=user, role=role)
        sign_in(user.id)
        answer = submit(f"/groups/{group.pubid}/edit", {"name": "New name", "description": "", "type": "open"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/groups/{group.pubid}/new-name")
        session.refresh(group)
        assert (group.name, group.readable_by) == ("New name", "world")
        events = [event for event in recorded_events(session) if isinstance(event, GroupUpdated)]
        assert [(event.group_id, event.readers_changed) for event in events] == [(group.id, True)]

    def test_mistakes_are_shown_with_the_form(
        self, session: Session, user: User, sign_in: SignIn, submit: Submit
    ) -> None:
        group = make_group(session, name="Old name")
        add_member(session, group=group, user=user, role=Role.OWNER)
        sign_in(user.id)
        answer = submit(f"/groups/{group.pubid}/edit", {"name": "x", "description": "", "type": "open"})
        assert answer.status_code == 400
        session.refresh(group)
        assert group.name == "Old name"

    def test_for_others_there_is_no_such_page(
        self, client: TestClient, session: Session, user: User, sign_in: SignIn
    ) -> None:
        group = make_group(session, kind="open")
        path = f"/groups/{group.pubid}/edit"
        add_member(session, group=group, user=user)
        sign_in(user.id)
        assert client.get(path).status_code == 404
        assert client.get("/groups/nothing1/edit").status_code == 404

    @pytest.mark.parametrize("page", ["edit", "edit/members", "edit/delete", "moderate"])
    def test_visitors_log_in_first_and_come_back_whether_there_is_such_a_group_or_not(
        self, client: TestClient, session: Session, page: str
    ) -> None:
        for pubid in (make_group(session).pubid, "nothing1"):
            answer = client.get(f"/groups/{pubid}/{page}")
            place = f"/login?next=%2Fgroups%2F{pubid}%2F{page.replace('/', '%2F')}"
            assert (answer.status_code, answer.headers["location"]) == (303, place)

    def test_nor_do_they_change_it(self, session: Session, user: User, sign_in: SignIn, submit: Submit) -> None:
        group = make_group(session, kind="open", name="Kept")
        sign_in(user.id)
        fields = {"name": "Changed", "description": "", "type": "open"}
        assert submit("/groups/new", fields, to=f"/groups/{group.pubid}/edit").status_code == 404
        session.refresh(group)
        assert group.name == "Kept"


class TestGroupPage:
    def test_anybody_sees_a_group_that_the_world_reads(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open", name="Book club", description="We read")
        answer = client.get(f"/groups/{group.pubid}/book-club")
        assert answer.status_code == 200
        assert "Book club" in answer.text
        assert "We read" in answer.text
        assert f"/stream?q=group%3A{group.pubid}" in answer.text
        assert "Join group" not in answer.text

    @pytest.mark.parametrize("path", ["/groups/{}", "/groups/{}/old-name"])
    def test_it_has_one_address(self, client: TestClient, session: Session, path: str) -> None:
        group = make_group(session, kind="open", name="Book club")
        answer = client.get(path.format(group.pubid))
        assert (answer.status_code, answer.headers["location"]) == (301, f"/groups/{group.pubid}/book-club")
        assert "no-cache" in answer.headers["cache-control"]

    def test_a_group_named_like_one_of_its_pages_is_reached_by_its_id(
        self, client: TestClient, session: Session
    ) -> None:
        group = make_group(session, kind="open", name="Edit")
        assert client.get(f"/groups/{group.pubid}").status_code == 200

    def test_a_private_group_is_not_named_to_visitors_who_could_log_in(
        self, client: TestClient, session: Session
    ) -> None:
        group = make_group(session, name="Secret society")
        for path in (f"/groups/{group.pubid}", f"/groups/{group.pubid}/secret-society"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "Secret society" not in answer.text
            assert f"/login?next=%2Fgroups%2F{group.pubid}" in answer.text

    @pytest.mark.parametrize("columns", [{"authority": "lms.example"}, {"joinable_by": "nobody"}])
    def test_what_cannot_be_joined_is_not_there(
        self, client: TestClient, session: Session, user: User, sign_in: SignIn, columns: dict[str, str]
    ) -> None:
        group = make_group(session, name="Theirs", **columns)
        sign_in(user.id)
        assert client.get(f"/groups/{group.pubid}/theirs").status_code == 404

    @pytest.mark.parametrize("path", ["/groups/nothing1", "/groups/%0d%0aSet-Cookie:%20x", "/groups/nothing1/x"])
    def test_an_unknown_group_is_not_found(self, client: TestClient, path: str) -> None:
        assert client.get(path).status_code == 404


class TestSuccession:
    """What the pages say of leaving."""

    @pytest.fixture
    def group(self, session: Session, user: User) -> Group:
        make_world_group(session)
        group = make_group(session, name="Club")
        add_member(session, group=group, user=user, role=Role.OWNER)
        return group

    @pytest.fixture(params=["/groups/{}/club", "/groups/{}/edit/members"])
    def path(self, request: pytest.FixtureRequest, group: Group) -> str:
        path: str = request.param.format(group.pubid)
        return path

    def test_the_last_owner_is_told_who_becomes_one(
        self, client: TestClient, session: Session, group: Group, *, user: User, sign_in: SignIn, path: str
    ) -> None:
        add_member(session, group=group, user=make_user(session, username="ann"))
        add_member(session, group=group, user=make_user(session, username="bob"), role=Role.MODERATOR)
        sign_in(user.id)
        assert "<strong>bob</strong> becomes its owner" in client.get(path).text

    @pytest.mark.parametrize(("kind", "said"), [("private", "whoever joins next"), ("open", "without an owner")])
    def test_the_only_member_is_told_what_becomes_of_the_group(
        self,
        client: TestClient,
        session: Session,
        user: User,
        sign_in: SignIn,
        *,
        kind: str,
        said: str,
    ) -> None:
        group = make_group(session, name="Club", kind=kind)
        add_member(session, group=group, user=user, role=Role.OWNER)
        sign_in(user.id)
        shown = client.get(f"/groups/{group.pubid}/club").text
        assert said in shown
        assert f"/groups/{group.pubid}/edit/delete" in shown

    def test_one_of_several_owners_and_others_are_told_nothing(
        self, client: TestClient, session: Session, group: Group, *, user: User, sign_in: SignIn, path: str
    ) -> None:
        admin = make_user(session)
        add_member(session, group=group, user=admin, role=Role.ADMIN)
        sign_in(admin.id)
        assert "When you leave" not in client.get(path).text
        add_member(session, group=group, user=make_user(session), role=Role.OWNER)
        sign_in(user.id)
        assert "When you leave" not in client.get(path).text

    def test_and_so_it_is(
        self, session: Session, group: Group, *, user: User, sign_in: SignIn, submit: Submit, path: str
    ) -> None:
        ann = make_user(session)
        add_member(session, group=group, user=ann)
        sign_in(user.id)
        leaving = {"group_leave": "1", "remove": "1", "userid": "acct:maria@example.org"}
        assert submit(path, leaving).status_code == 303
        assert roles(session, group) == {ann.id: "owner"}


class TestJoinAndLeave:
    def test_a_user_joins_a_private_group_by_its_link_and_leaves_it(
        self, client: TestClient, session: Session, user: User, sign_in: SignIn, submit: Submit
    ) -> None:
        group = make_group(session, name="Secret society", description="Hush")
        owner = make_user(session)
        add_member(session, group=group, user=owner, role=Role.OWNER)
        path = f"/groups/{group.pubid}/secret-society"
        sign_in(user.id)
        shown = client.get(path).text
        assert "Join group" in shown
        assert "Hush" not in shown
        answer = submit(path, {"group_join": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/groups/{group.pubid}")
        assert roles(session, group) == {owner.id: "owner", user.id: "member"}
        assert "Leave group" in client.get(path).text
        assert submit(path, {"group_join": "1"}).status_code == 303
        assert submit(path, {"group_leave": "1"}).status_code == 303
        assert submit(path, {"group_leave": "1"}).status_code == 303
        assert roles(session, group) == {owner.id: "owner"}
        assert [type(event) for event in recorded_events(session)] == [MembershipCreated, MembershipDeleted]

    def test_whoever_joins_what_everybody_has_left_owns_it(
        self, session: Session, user: User, sign_in: SignIn, submit: Submit
    ) -> None:
        group = make_group(session, name="Club")
        add_member(session, group=group, user=make_user(session, deleted=True), role=Role.OWNER)
        sign_in(user.id)
        assert submit(f"/groups/{group.pubid}/club", {"group_join": "1"}).status_code == 303
        assert roles(session, group)[user.id] == "owner"

    @pytest.mark.parametrize("kind", ["open", "restricted"])
    def test_others_cannot_be_joined(
        self, session: Session, user: User, sign_in: SignIn, submit: Submit, kind: str
    ) -> None:
        group = make_group(session, kind=kind, name="Club")
        sign_in(user.id)
        assert submit(f"/groups/{group.pubid}/club", {"group_join": "1"}).status_code == 404
        assert roles(session, group) == {}

    def test_whoever_is_not_signed_in_logs_in_first(self, session: Session, submit: Submit) -> None:
        group = make_group(session)
        answer = submit("/login", {"group_join": "1"}, to=f"/groups/{group.pubid}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next=%2Fgroups%2F{group.pubid}")

    def test_a_form_without_token_does_nothing(
        self, client: TestClient, session: Session, user: User, sign_in: SignIn
    ) -> None:
        group = make_group(session)
        sign_in(user.id)
        assert client.post(f"/groups/{group.pubid}", data={"group_join": "1"}).status_code == 403
        assert roles(session, group) == {}

    def test_a_group_that_is_gone_cannot_be_joined(self, user: User, sign_in: SignIn, submit: Submit) -> None:
        sign_in(user.id)
        assert submit("/groups/new", {"group_join": "1"}, to="/groups/nothing1").status_code == 404
