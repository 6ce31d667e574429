"""The page on which an owner deletes a group."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.lifecycle import GroupDeleted
from hcommon.models import Group, User
from hcommon.models.group import Role
from hcommon.testing.factories import (
    add_member,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
    recorded_events,
)
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Submit = Callable[..., Any]
SignIn = Callable[[int], None]


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, username="maria")


@pytest.fixture
def group(session: Session, user: User) -> Group:
    group = make_group(session, name="Book club")
    add_member(session, group=group, user=user, role=Role.OWNER)
    return group


def path(group: Group) -> str:
    return f"/groups/{group.pubid}/edit/delete"


def is_deleted(session: Session, group: Group) -> bool:
    session.refresh(group)
    return group.deleted


class TestShow:
    def test_says_what_would_be_lost(
        self, client: TestClient, session: Session, group: Group, user: User, *, sign_in: SignIn
    ) -> None:
        add_member(session, group=group, user=make_user(session))
        make_annotation(session, user=user, group=group, shared=False)
        make_annotation(session, user=user, group=group, deleted=True)
        make_annotation(session, user=user)
        sign_in(user.id)
        shown = client.get(path(group)).text
        assert "its 1 annotation," in shown
        assert "its 2 members." in shown

    def test_is_found_from_the_form_of_the_group_by_owners_alone(
        self, client: TestClient, session: Session, group: Group, user: User, *, sign_in: SignIn
    ) -> None:
        admin = make_user(session)
        add_member(session, group=group, user=admin, role=Role.ADMIN)
        for who, found in ((user, True), (admin, False)):
            sign_in(who.id)
            assert (path(group) in client.get(f"/groups/{group.pubid}/edit").text) is found


class TestDelete:
    @pytest.mark.parametrize("typed", ["Book club", " Book club "])
    def test_an_owner_who_types_its_name_deletes_it(
        self,
        client: TestClient,
        session: Session,
        group: Group,
        user: User,
        *,
        sign_in: SignIn,
        submit: Submit,
        typed: str,
    ) -> None:
        sign_in(user.id)
        answer = submit(path(group), {"name": typed})
        assert (answer.status_code, answer.headers["location"]) == (303, "/groups/deleted")
        assert is_deleted(session, group)
        assert [event.group_id for event in recorded_events(session) if isinstance(event, GroupDeleted)] == [group.id]
        assert "The group is deleted" in client.get("/groups/deleted").text
        assert client.get(path(group)).status_code == 404
        assert client.get(f"/groups/{group.pubid}").status_code == 404

    @pytest.mark.parametrize("typed", ["", "book club", "Book"])
    def test_another_name_deletes_nothing(
        self, session: Session, group: Group, user: User, *, sign_in: SignIn, submit: Submit, typed: str
    ) -> None:
        sign_in(user.id)
        answer = submit(path(group), {"name": typed})
        assert (answer.status_code, "not the name" in answer.text) == (400, True)
        assert not is_deleted(session, group)

    def test_a_form_of_another_site_deletes_nothing(
        self, client: TestClient, session: Session, group: Group, user: User, *, sign_in: SignIn
    ) -> None:
        sign_in(user.id)
        assert client.post(path(group), data={"name": "Book club"}).status_code == 403
        assert not is_deleted(session, group)

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.MODERATOR, Role.MEMBER, None])
    def test_for_others_there_is_no_such_page(
        self, client: TestClient, session: Session, group: Group, *, sign_in: SignIn, submit: Submit, role: Role | None
    ) -> None:
        other = make_user(session)
        if role is not None:
            add_member(session, group=group, user=other, role=role)
        sign_in(other.id)
        assert client.get(path(group)).status_code == 404
        assert submit("/groups/new", {"name": "Book club"}, to=path(group)).status_code == 404
        assert not is_deleted(session, group)

    def test_the_public_group_stays_whoever_owns_it(
        self, client: TestClient, session: Session, user: User, *, sign_in: SignIn, submit: Submit
    ) -> None:
        world = make_world_group(session)
        add_member(session, group=world, user=user, role=Role.OWNER)
        sign_in(user.id)
        assert client.get(path(world)).status_code == 404
        assert submit("/groups/new", {"name": "Public"}, to=path(world)).status_code == 404
        assert not is_deleted(session, world)
