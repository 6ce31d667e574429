"""What holds for every route of the API, whichever feature it is of.

Source: specification of the API, sections 1.1 and 1.2.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hcommon.ids import annotation_id_from_urlsafe, annotation_id_to_urlsafe
from hcommon.models import User
from hcommon.models.group import Role
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
)
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

UNKNOWN = annotation_id_to_urlsafe(UUID(int=7))


class Place(NamedTuple):
    """A private group with an annotation in it, which strangers must not know of."""

    pubid: str
    annotation: str
    owner: dict[str, str]
    stranger: dict[str, str]
    userid: str


@pytest.fixture
def place(session: Session) -> Place:
    make_world_group(session)
    group, owner = make_group(session), make_user(session, username="owner")
    add_member(session, group=group, user=owner, role=Role.OWNER)
    annotation = make_annotation(session, user=owner, group=group)

    def token(user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {make_access_token(session, user=user)}"}

    return Place(
        group.pubid,
        annotation_id_to_urlsafe(annotation.id),
        token(owner),
        token(make_user(session)),
        "acct:owner@example.org",
    )


READS = [
    "/api/",
    "/api/links",
    "/api/search",
    "/api/search?uri=https://example.com/",
    "/api/annotations/{annotation}",
    "/api/annotations/{annotation}.jsonld",
    "/api/groups",
    "/api/groups/{pubid}",
    "/api/groups/{pubid}/members",
    "/api/groups/{pubid}/members?page[number]=1",
    "/api/groups/{pubid}/members/{userid}",
    "/api/groups/{pubid}/members/me",
    "/api/groups/{pubid}/annotations",
    "/api/profile",
    "/api/profile/groups",
]
SECRET = [path for path in READS if "{" in path]
WRITES = [
    ("POST", "/api/annotations", {"uri": "https://example.com/"}),
    ("PATCH", "/api/annotations/{annotation}", {"text": "x"}),
    ("PUT", "/api/annotations/{annotation}", {"text": "x"}),
    ("DELETE", "/api/annotations/{annotation}", None),
    ("POST", "/api/annotations/{annotation}/reindex", None),
    ("PUT", "/api/annotations/{annotation}/flag", None),
    ("PUT", "/api/annotations/{annotation}/hide", None),
    ("DELETE", "/api/annotations/{annotation}/hide", None),
    ("PATCH", "/api/annotations/{annotation}/moderation", {"moderation_status": "SPAM"}),
    ("POST", "/api/groups", {"name": "Group"}),
    ("PATCH", "/api/groups/{pubid}", {"name": "Group"}),
    ("POST", "/api/groups/{pubid}/members/{userid}", None),
    ("PATCH", "/api/groups/{pubid}/members/{userid}", {"roles": ["member"]}),
    ("DELETE", "/api/groups/{pubid}/members/{userid}", None),
    ("PATCH", "/api/profile", {"preferences": {}}),
    ("POST", "/api/users", {}),
    ("PATCH", "/api/users/owner", {}),
    ("POST", "/api/bulk", {}),
    ("POST", "/api/bulk/annotation", {}),
    ("POST", "/api/bulk/group", {}),
    ("POST", "/api/bulk/lms/annotations", {}),
    ("POST", "/api/bulk/checkpoint", {}),
    ("POST", "/api/bulk/checkpoint/reveal", {}),
]
WITHOUT_SECRET = {"/api/annotations", "/api/groups", "/api/profile"}


class TestReads:
    @pytest.mark.parametrize("path", READS)
    def test_have_an_etag_a_head_and_a_version(self, client: TestClient, place: Place, path: str) -> None:
        address = path.format(**place._asdict())
        got = client.get(address, headers=place.owner)
        assert got.status_code == 200, got.text
        assert got.headers["access-control-allow-origin"] == "*"
        assert got.headers["hypothesis-media-type"] == "application/vnd.hypothesis.v1+json"
        assert got.headers["cache-control"]
        head = client.head(address, headers=place.owner)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", got.headers["etag"])
        assert head.headers["content-length"] == got.headers["content-length"]
        known = client.get(address, headers=place.owner | {"If-None-Match": got.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        v2 = client.get(address, headers=place.owner | {"Accept": "application/vnd.hypothesis.v2+json"})
        assert v2.headers["hypothesis-media-type"] == "application/vnd.hypothesis.v2+json"
        assert v2.content == got.content
        v3 = client.get(address, headers=place.owner | {"Accept": "application/vnd.hypothesis.v3+json"})
        assert (v3.status_code, v3.json().keys()) == (406, {"status", "reason"})

    @pytest.mark.parametrize("path", SECRET)
    def test_of_what_one_may_not_know_are_404_in_one_form(self, client: TestClient, place: Place, path: str) -> None:
        there = path.format(**place._asdict())
        nowhere = path.format(annotation=UNKNOWN, pubid="nowhere1", userid="acct:nobody@example.org")
        answers = [client.get(there, headers=headers) for headers in ({}, place.stranger)]
        answers += [client.get(nowhere, headers=headers) for headers in ({}, place.owner)]
        assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
        assert answers[0].json().keys() == {"status", "reason"}
        assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"*"}
        assert not any("hypothesis-media-type" in answer.headers for answer in answers)


class TestWrites:
    @pytest.mark.parametrize(("method", "path", "body"), WRITES)
    def test_by_nobody_are_404(
        self, client: TestClient, place: Place, method: str, path: str, body: dict[str, Any] | None
    ) -> None:
        address = path.format(**place._asdict())
        for headers in ({}, {"Authorization": "Bearer dead"}, {"Authorization": "Basic bm90OmE="}):
            answer = client.request(method, address, json=body, headers=headers)
            assert (answer.status_code, answer.json()["status"]) == (404, "failure"), answer.text

    @pytest.mark.parametrize(("method", "path", "body"), [write for write in WRITES if write[1] not in WITHOUT_SECRET])
    def test_by_strangers_are_404(
        self, client: TestClient, place: Place, method: str, path: str, body: dict[str, Any] | None
    ) -> None:
        answer = client.request(method, path.format(**place._asdict()), json=body, headers=place.stranger)
        assert (answer.status_code, answer.json()["status"]) == (404, "failure"), answer.text

    @pytest.mark.parametrize(
        ("method", "path"), sorted({(method, path) for method, path, _ in WRITES} | {("GET", path) for path in READS})
    )
    def test_and_reads_have_a_preflight(self, client: TestClient, place: Place, method: str, path: str) -> None:
        headers = {"Origin": "https://page.example", "Access-Control-Request-Method": method}
        answer = client.options(path.format(**place._asdict()), headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://page.example"
        assert method in answer.headers["access-control-allow-methods"].split(", ")


def broken_bodies() -> Iterator[bytes]:
    yield from (b"{", b"", b"[]", b'"text"', b"null", b'{"a": "\xff"}', b'{"a": "\\ud800"}')


class TestBodies:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/api/annotations"),
            ("PATCH", "/api/annotations/{annotation}"),
            ("PATCH", "/api/annotations/{annotation}/moderation"),
            ("POST", "/api/groups"),
            ("PATCH", "/api/groups/{pubid}"),
            ("PATCH", "/api/groups/{pubid}/members/{userid}"),
            ("PATCH", "/api/profile"),
            ("POST", "/api/analytics/events"),
        ],
    )
    def test_that_are_no_object_are_400(self, client: TestClient, place: Place, method: str, path: str) -> None:
        for body in broken_bodies():
            answer = client.request(method, path.format(**place._asdict()), content=body, headers=place.owner)
            assert (answer.status_code, answer.json()["status"]) == (400, "failure"), (body, answer.text)


class TestIds:
    @pytest.mark.parametrize("text", ["x", "A" * 19, "A" * 23, "A" * 21, "a.b", "%00", "A" * 20 + "%0A", "é" * 22])
    def test_that_no_annotation_can_have_are_404(self, client: TestClient, place: Place, text: str) -> None:
        expected = 400 if text == "%00" else 404
        for suffix in ("", ".jsonld"):
            assert client.get(f"/api/annotations/{text}{suffix}", headers=place.owner).status_code == expected

    def test_of_twenty_characters_are_those_of_old_annotations(
        self, client: TestClient, place: Place, session: Session
    ) -> None:
        make_annotation(session, user=make_user(session), id=annotation_id_from_urlsafe("A" * 20))
        found = client.get(f"/api/annotations/{'A' * 20}", headers=place.stranger)
        assert (found.status_code, found.json()["id"]) == (200, "A" * 20)

    def test_of_users_are_compared_without_case_and_dots(self, client: TestClient, place: Place) -> None:
        for userid in ("acct:Ow.ner@example.org", "acct:OWNER@example.org"):
            found = client.get(f"/api/groups/{place.pubid}/members/{userid}", headers=place.owner)
            assert found.json()["userid"] == "acct:owner@example.org"
            assert client.get("/api/search", params={"user": userid}, headers=place.owner).json()["total"] == 1
