"""A group's moderation queue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hcommon.models import Flag, Group
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Person = Any  # what the fixtures of conftest.py give
Share = Callable[..., dict[str, Any]]


def ask(who: Person, group: Group, **parameters: Any) -> Any:
    response = who("GET", f"/api/groups/{group.pubid}/annotations", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def listed(who: Person, group: Group, **parameters: Any) -> list[str]:
    return [shown["id"] for shown in ask(who, group, **parameters)["data"]]


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """Collect the statements sent meanwhile."""
    sent: list[str] = []

    def collect(*arguments: Any) -> None:
        sent.append(arguments[2])

    connection = session.connection()
    event.listen(connection.engine, "before_cursor_execute", collect)
    yield sent
    event.remove(connection.engine, "before_cursor_execute", collect)


class TestContent:
    def test_is_all_that_is_shared_the_newest_first(
        self, author: Person, moderator: Person, group: Group, share_later: Share, session: Session
    ) -> None:
        root = share_later()
        reply = share_later(references=[root["id"]])
        share_later(permissions={"read": []})
        deleted = share_later()
        author("DELETE", f"/api/annotations/{deleted['id']}")
        make_annotation(session, user=author.user, group=make_group(session, kind="open"))
        make_annotation(session, user=make_user(session, nipsa=True), group=group)
        answer = ask(moderator, group)
        assert answer["meta"] == {"page": {"total": 2}}
        assert [shown["id"] for shown in answer["data"]] == [reply["id"], root["id"]]
        assert answer["data"][1] == moderator.read(root)
        assert answer["data"][1]["actions"] == ["moderate"]

    def test_can_be_of_one_status(self, moderator: Person, group: Group, session: Session) -> None:
        user = make_user(session)
        statuses = ["PENDING", "DENIED", "SPAM", "APPROVED", None]
        for status in statuses:
            make_annotation(session, user=user, group=group, moderation_status=status, text=str(status))
        for status in statuses[:3]:
            answer = ask(moderator, group, moderation_status=status)
            assert answer["meta"]["page"]["total"] == 1
            assert [shown["text"] for shown in answer["data"]] == [status]
        answer = ask(moderator, group, moderation_status="APPROVED")
        assert answer["meta"]["page"]["total"] == 2
        assert {shown["moderation_status"] for shown in answer["data"]} == {"APPROVED"}

    def test_shows_flags(self, moderator: Person, group: Group, share_later: Share, session: Session) -> None:
        share_later()
        annotation = make_annotation(session, user=make_user(session), group=group, created=START)
        for _ in range(3):
            session.add(Flag(annotation_id=annotation.id, user_id=make_user(session).id, created=START))
        session.flush()
        counts = [shown["moderation"]["flagCount"] for shown in ask(moderator, group)["data"]]
        assert counts == [0, 3]


class TestPages:
    def test_a_cursor_walks_through_all_and_the_total_stays(
        self, moderator: Person, group: Group, share_later: Share
    ) -> None:
        made = [share_later()["id"] for _ in range(5)]
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = ask(moderator, group, **{"page[size]": 2}, **cursor)
            assert answer["meta"]["page"]["total"] == 5
            if not answer["data"]:
                break
            assert len(answer["data"]) <= 2
            found += [shown["id"] for shown in answer["data"]]
            cursor = {"page[after]": answer["data"][-1]["created"]}
        assert found == made[::-1]

    def test_a_page_takes_all_of_its_last_moment(
        self, author: Person, moderator: Person, group: Group, share_later: Share
    ) -> None:
        old = share_later()["id"]
        same = {share_later()["id"], *(author.share(group)["id"] for _ in range(3))}
        first = ask(moderator, group, **{"page[size]": 2})["data"]
        assert {shown["id"] for shown in first} == same
        assert listed(moderator, group, **{"page[after]": first[-1]["created"]}) == [old]

    def test_a_plus_that_became_a_space_is_understood(
        self, moderator: Person, group: Group, share_later: Share
    ) -> None:
        old, new = share_later(), share_later()
        response = moderator("GET", f"/api/groups/{group.pubid}/annotations?page[after]={new['created']}")
        assert [shown["id"] for shown in response.json()["data"]] == [old["id"]]

    def test_has_twenty_unless_asked_for_more(self, moderator: Person, group: Group, session: Session) -> None:
        user = make_user(session)
        for _ in range(120):
            make_annotation(session, user=user, group=group)
        assert len(listed(moderator, group)) == 20
        assert len(listed(moderator, group, **{"page[size]": 100})) == 100

    @pytest.mark.parametrize(
        ("parameters", "name"),
        [
            ({"page[size]": 0}, "page[size]"),
            ({"page[size]": 101}, "page[size]"),
            ({"page[size]": "x"}, "page[size]"),
            ({"page[after]": "then"}, "page[after]"),
            ({"moderation_status": "GOOD"}, "moderation_status"),
        ],
    )
    def test_wrong_parameters_are_refused_by_name(
        self, moderator: Person, group: Group, parameters: dict[str, Any], name: str
    ) -> None:
        response = moderator("GET", f"/api/groups/{group.pubid}/annotations", params=parameters)
        assert response.status_code == 400
        assert response.json()["reason"].startswith(f"{name}: ")


class TestWho:
    @pytest.mark.parametrize("role", Role)
    def test_only_moderators(self, person: Callable[..., Person], group: Group, role: Role) -> None:
        response = person(group=group, role=role)("GET", f"/api/groups/{group.pubid}/annotations")
        assert response.status_code == (404 if role is Role.MEMBER else 200)

    def test_others_anonymous_and_unknown_groups_are_not_found(
        self, author: Person, moderator: Person, group: Group, client: TestClient, session: Session
    ) -> None:
        assert author("GET", f"/api/groups/{group.pubid}/annotations").status_code == 404
        assert client.get(f"/api/groups/{group.pubid}/annotations").status_code == 404
        for name in ("nothing", make_group(session).pubid, make_group(session, kind="open").pubid):
            assert moderator("GET", f"/api/groups/{name}/annotations").status_code == 404

    def test_a_group_goes_by_its_groupid_too(self, person: Callable[..., Person], session: Session) -> None:
        group = make_group(session, authority="lms.example", authority_provided_id="class-1")
        teacher = person(authority="lms.example")
        add_member(session, group=group, user=teacher.user, role=Role.OWNER)
        assert teacher("GET", "/api/groups/group:class-1@lms.example/annotations").json()["data"] == []


class TestCost:
    def test_statements_do_not_depend_on_the_rows(self, moderator: Person, group: Group, session: Session) -> None:
        user = make_user(session)
        counts = []
        for number in (1, 200):
            for _ in range(number):
                annotation = make_annotation(session, user=user, group=group, created=START)
                session.add(Flag(annotation_id=annotation.id, user_id=user.id, created=START))
            session.flush()
            with statements(session) as sent:
                assert len(listed(moderator, group, **{"page[size]": 100})) >= number
            counts.append(len(sent))
        assert counts == [4, 4]
