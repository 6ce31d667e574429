"""Every status that the OpenAPI document names for an operation can happen.

What belongs to a kind of failure that any operation may meet is seen to in `test_every_failure`; here is the rest, and
that nothing is left out. Whether an answer is as described is seen to by the `client`, as everywhere.

Source: specification of the API, section 1.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hcommon.testing.factories import make_user
from hweb.opening import Opening
from hweb.resources import Resources
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.contract.cases import CASES, JOB, LEARNER, LMS, Case, World, operations
from tests.contract.shapes import Optional
from tests.contract.test_every_failure import that_answer, that_take
from tests.contract.test_shapes import FAILURE, assert_shape

IDENTITY = {"identities": [{"provider": "canvas", "provider_unique_id": "7"}]}
TEACHER = {"X-Forwarded-User": f"acct:teacher@{LMS}"}
NEW_GROUP = {"name": "Readers", "groupid": f"group:new@{LMS}"}
JOB_WITHOUT_VIEW = [["configure", {**JOB[0][1], "view": None}], JOB[1]]
OTHER_SUCCESSES = {
    ("annotation_reindex", 200): "TestReindex",
    ("bulk_action", 204): "TestJobs",
    ("oauth_token", 200): "test_every_route.TestTokens",
}
"""What is answered beside what `CASES` ask for, and where that is tested."""

CONFLICTS: dict[str, list[Case]] = {
    "annotation_moderate": [
        replace(
            CASES["annotation_moderate"],
            body={"moderation_status": "DENIED", "annotation_updated": "2000-01-01T00:00:00+00:00"},
        )
    ],
    "group_create": [Case("POST", "/api/groups", None, who="application", body=NEW_GROUP)] * 2,
    "group_update": [
        Case("POST", "/api/groups", None, who="application", body=NEW_GROUP),
        Case("PATCH", "/api/groups/{course}", None, who="application", body=NEW_GROUP),
    ],
    "group_member_add": [replace(CASES["group_member_add"], body={"roles": ["owner"]})],
    "group_member_edit": [
        CASES["group_member_delete"],
        Case("PATCH", "/api/groups/{group}/members/me", None, body={"roles": ["member"]}),
    ],
    "user_create": [
        Case("POST", "/api/users", None, who="application", body=LEARNER | IDENTITY),
        Case("POST", "/api/users", None, who="application", body=LEARNER | IDENTITY | {"username": "other"}),
    ],
    "user_update": [
        Case("POST", "/api/users", None, who="application", body=LEARNER),
        replace(CASES["user_update"], body={"email": LEARNER["email"]}),
    ],
}
"""Requests of which the last one conflicts with what is there; that of a bulk job is in `TestJobs`."""


@pytest.fixture
def world(client: TestClient, session: Session, application: dict[str, str]) -> World:
    return World(client, session, application)


class TestAll:
    def test_refuse_an_address_that_is_no_text(self, world: World) -> None:
        for name in that_answer(400):
            path = CASES[name].path
            case = replace(CASES[name], path=f"{path}{'&' if '?' in path else '?'}x=%00")
            assert (name, world.send(case).status_code) == (name, 400)

    def test_wait_for_a_database(self, world: World, make_client: Callable[..., TestClient]) -> None:
        opening = Opening()
        opening.is_open = False
        closed = make_client(opening=opening)
        for name in that_answer(503):
            answer = world.send(CASES[name], client=closed)
            assert (name, answer.status_code) == (name, 503)
            assert_shape(answer.json(), FAILURE)

    def test_that_may_be_asked_for_again_say_that_nothing_has_changed(self, world: World) -> None:
        for name in that_answer(304):
            etag = world.send(CASES[name]).headers["etag"]
            answer = world.send(CASES[name], headers={"If-None-Match": etag})
            assert (name, answer.status_code, answer.content) == (name, 304, b"")

    def test_that_name_something_do_not_find_what_is_not_there(self, world: World) -> None:
        names = [name for name in that_answer(404) if {} in operations()[name]["security"]]
        assert names
        world.names |= {"note": "A" * 22, "group": "nothing1"}
        for name in names:
            assert (name, world.send(CASES[name]).status_code) == (name, 404)

    @pytest.mark.parametrize("name", sorted({*that_answer(409)} - {"bulk_action"}))
    def test_that_may_conflict_do(self, world: World, name: str) -> None:
        *before, last = CONFLICTS[name]
        for case in before:
            assert world.send(case, headers=TEACHER).is_success
        answer = world.send(last, headers=TEACHER)
        assert answer.status_code == 409, answer.text
        assert_shape(answer.json(), FAILURE)


class TestJobs:
    def test_conflict_with_users_who_are_being_deleted(self, world: World, session: Session) -> None:
        make_user(session, username="gone", authority=LMS, deleted=True)
        attributes = {"display_name": "G", **IDENTITY}
        query = {"authority": LMS, "username": "gone"}
        user = {"data": {"type": "user", "attributes": attributes, "meta": {"query": query, "$anchor": "u"}}}
        answer = world.send(replace(CASES["bulk_action"], text=_lines([JOB[0], ["upsert", user]])))
        error = {"code": str, "title": str, "detail": str, "meta": dict, "status": "409"}
        assert answer.status_code == 409, answer.text
        assert_shape(answer.json(), {"errors": [error | {"source": Optional({"pointer": str})}]})

    def test_that_want_no_answer_have_none(self, world: World) -> None:
        answer = world.send(replace(CASES["bulk_action"], text=_lines(JOB_WITHOUT_VIEW)))
        assert (answer.status_code, answer.content) == (204, b"")


class TestReindex:
    def test_where_clients_are_developed(
        self, world: World, resources: Resources, make_client: Callable[..., TestClient]
    ) -> None:
        developing = make_client(settings=resources.settings.model_copy(update={"dev": True}))
        answer = world.send(CASES["annotation_reindex"], client=developing)
        assert answer.status_code == 200, answer.text
        assert_shape(answer.json(), {"id": world.names["note"], "indexed": True})


class TestNothing:
    """Of what the document names is left out: each status has a test that goes through all that answer it."""

    def test_of_the_statuses(self) -> None:
        seen = {int(status) for said in operations().values() for status in said["responses"]}
        assert seen == {200, 204, 304, 400, 401, 404, 406, 409, 413, 429, 503}

    def test_of_the_answers_when_all_is_well(self) -> None:
        documented = {(name, status) for status in (200, 204) for name in that_answer(status)}
        asked = {(name, case.status) for name, case in CASES.items() if case.status < 400}
        assert documented == asked | OTHER_SUCCESSES.keys()

    def test_of_what_is_too_large(self) -> None:
        assert that_answer(413) == that_take()

    def test_of_who_is_unknown(self) -> None:
        assert that_answer(401) == ["debug_token", "oauth_token"]

    def test_of_what_proves_nothing(self) -> None:
        of_users = {name for name, said in operations().items() if {} not in said["security"]} - {"debug_token"}
        assert of_users <= {*that_answer(404)}

    def test_of_what_conflicts(self) -> None:
        assert {*that_answer(409)} == CONFLICTS.keys() | {"bulk_action"}


def _lines(job: list[Any]) -> str:
    return "\n".join(json.dumps(line) for line in job)
