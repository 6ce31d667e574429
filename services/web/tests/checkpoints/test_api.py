"""Hide and reveal through the API."""

from typing import Any

import pytest
from hcommon.events.groups import MembershipChanged
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, Group, User
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    recorded_events,
)
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

AUTHORITY = "lms.test"
PAGE = "https://example.com/page"
PLACE = {"group_authority_provided_id": "course", "document_uri": PAGE}


@pytest.fixture
def course(session: Session) -> Group:
    return make_group(session, authority=AUTHORITY, authority_provided_id="course")


@pytest.fixture
def users(session: Session, course: Group) -> dict[str, User]:
    found = {name: make_user(session, username=name, authority=AUTHORITY) for name in ("ann", "ben", "teacher")}
    for user in found.values():
        add_member(session, group=course, user=user)
    return found


@pytest.fixture
def bulk(basic_auth: Any) -> dict[str, str]:
    headers: dict[str, str] = basic_auth(AUTHORITY, capabilities=["bulk"])
    return headers


@pytest.fixture
def ask(client: TestClient, bulk: dict[str, str]) -> Any:
    """Make or reveal a checkpoint: `ask()`, `ask("/reveal")`."""

    def ask(what: str = "", *, status: int = 200, **values: Any) -> Any:
        answer = client.post(f"/api/bulk/checkpoint{what}", json={"checkpoints": [PLACE]} | values, headers=bulk)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


@pytest.fixture
def bearer(session: Session, users: dict[str, User]) -> dict[str, dict[str, str]]:
    return {name: {"Authorization": f"Bearer {make_access_token(session, user=user)}"} for name, user in users.items()}


class TestCheckpoint:
    def test_is_made_once(self, ask: Any, course: Group) -> None:
        expected = [PLACE | {"created": True, "revealed": False, "reveal_date": None}]
        assert ask() == expected
        assert ask(user={}) == expected

    def test_is_not_made_in_groups_of_others(self, ask: Any, session: Session) -> None:
        make_group(session, authority="other.test", authority_provided_id="course")
        assert ask() == [PLACE | {"created": False, "revealed": False, "reveal_date": None}]
        assert ask("/reveal") == [PLACE | {"revealed": False, "reveal_date": None}]

    def test_is_revealed_once_and_for_all(self, ask: Any, course: Group, clock: Any) -> None:
        ask()
        revealed = [PLACE | {"revealed": True, "reveal_date": "2026-01-02T03:04:05.678901+00:00"}]
        assert ask("/reveal") == revealed
        clock.advance(hours=1)
        assert ask("/reveal") == revealed
        assert ask() == [revealed[0] | {"created": True}]

    def test_keeps_what_is_written_behind_it_apart_until_then(
        self, client: TestClient, ask: Any, users: dict[str, User], bearer: dict[str, dict[str, str]], course: Group
    ) -> None:
        ask(user={"username": "teacher", "role": "instructor"})
        body = {"uri": PAGE, "group": course.pubid, "permissions": {"read": [f"group:{course.pubid}"]}}
        written = client.post("/api/annotations", json=body, headers=bearer["ben"]).json()["id"]

        def seen() -> dict[str, tuple[int, int]]:
            return {
                name: (
                    client.get("/api/search", params={"uri": PAGE}, headers=headers).json()["total"],
                    client.get(f"/api/annotations/{written}", headers=headers).status_code,
                )
                for name, headers in bearer.items()
            }

        assert seen() == {"ann": (0, 404), "ben": (1, 200), "teacher": (1, 200)}
        ask("/reveal")
        assert seen() == {"ann": (1, 200), "ben": (1, 200), "teacher": (1, 200)}

    def test_follows_an_annotation_that_moves_to_the_page(
        self, client: TestClient, ask: Any, bearer: dict[str, dict[str, str]], course: Group
    ) -> None:
        ask()
        body = {"uri": "https://x.test/", "group": course.pubid, "permissions": {"read": [f"group:{course.pubid}"]}}
        written = client.post("/api/annotations", json=body, headers=bearer["ben"]).json()["id"]
        address = f"/api/annotations/{written}"
        assert client.get(address, headers=bearer["ann"]).status_code == 200
        client.patch(address, json={"uri": PAGE}, headers=bearer["ben"])
        assert client.get(address, headers=bearer["ann"]).status_code == 404
        client.patch(address, json={"uri": "https://x.test/"}, headers=bearer["ben"])
        assert client.get(address, headers=bearer["ann"]).status_code == 200

    def test_reveals_one_of_several_alone(
        self, ask: Any, users: dict[str, User], session: Session, course: Group
    ) -> None:
        other = PLACE | {"document_uri": "https://example.com/other"}
        first = make_annotation(session, user=users["ben"], group=course, target_uri=PAGE)
        second = make_annotation(session, user=users["ben"], group=course, target_uri=other["document_uri"])
        ask(checkpoints=[PLACE, other])
        ask("/reveal")
        session.expire_all()
        assert (first.sealed, second.sealed, course.sealing) == (False, True, True)
        ask("/reveal", checkpoints=[other])
        session.expire_all()
        assert (second.sealed, course.sealing) == (False, False)


class TestRole:
    def test_of_an_instructor_opens_what_students_do_not_see(
        self, client: TestClient, ask: Any, users: dict[str, User], bearer: Any, session: Session
    ) -> None:
        course = session.scalars(select(Group).where(Group.authority_provided_id == "course")).one()
        bens = make_annotation(session, user=users["ben"], group=course, target_uri=PAGE)
        address = f"/api/annotations/{annotation_id_to_urlsafe(bens.id)}"

        def sees(role: str) -> bool:
            ask(user={"username": "teacher", "role": role})
            return bool(client.get(address, headers=bearer["teacher"]).status_code == 200)

        assert [sees(role) for role in ("student", "instructor", "student")] == [False, True, False]
        told = [event for event in recorded_events(session) if isinstance(event, MembershipChanged)]
        assert len(told) == 2

    def test_opens_an_instructor_s_own_notes_to_students(
        self, ask: Any, users: dict[str, User], session: Session, course: Group
    ) -> None:
        note = make_annotation(session, user=users["teacher"], group=course, target_uri=PAGE)
        ask()
        assert session.get(Annotation, note.id, populate_existing=True).sealed
        ask(user={"username": "teacher", "role": "instructor"})
        assert not session.get(Annotation, note.id, populate_existing=True).sealed

    @pytest.mark.usefixtures("course")
    def test_of_nobody_is_refused(self, ask: Any) -> None:
        ask(user={"username": "nobody", "role": "student"}, status=400)


class TestRefusal:
    @pytest.mark.parametrize("what", ["", "/reveal"])
    @pytest.mark.parametrize(
        "values",
        [
            {"checkpoints": []},
            {"checkpoints": "x"},
            {"checkpoints": [1]},
            {"checkpoints": [{"document_uri": PAGE}]},
            {"checkpoints": [{"group_authority_provided_id": "course"}]},
            {"checkpoints": [PLACE] * 101},
            {"user": "x"},
            {"user": {"username": "ann"}},
            {"user": {"username": "ann", "role": "owner"}},
            {"user": {"username": 7, "role": "student"}},
        ],
    )
    def test_of_what_is_not_of_the_form(self, ask: Any, what: str, values: Any) -> None:
        ask(what, status=400, **values)

    @pytest.mark.parametrize("what", ["", "/reveal"])
    def test_of_whoever_lacks_the_capability(self, client: TestClient, basic_auth: Any, what: str) -> None:
        for headers in ({}, basic_auth(AUTHORITY)):
            answer = client.post(f"/api/bulk/checkpoint{what}", json={"checkpoints": [PLACE]}, headers=headers)
            assert answer.status_code == 404
