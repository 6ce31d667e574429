"""The keys and types of the API's answers, as clients rely on them.

Source: the client's needs, sections 2 and 4; specification of the API, section 12a.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.models.group import Role
from hcommon.testing.factories import add_member, make_access_token, make_group, make_user, make_world_group
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.contract.shapes import Either, Optional, differences

PAGE = "https://example.com/page"
NULLABLE = Either(str, None)
FAILURE = {"status": "failure", "reason": str}
ANNOTATION = {
    "id": str,
    "created": str,
    "updated": str,
    "user": str,
    "uri": str,
    "text": str,
    "tags": [str],
    "group": str,
    "moderation_status": Either("APPROVED", "PENDING", "DENIED", "SPAM", None),
    "permissions": {"read": [str], "admin": [str], "update": [str], "delete": [str]},
    "target": [{"source": str, "description": Optional(str), "selector": Optional([dict])}],
    "document": {"title": Optional([str])},
    "links": {"json": str, "html": Optional(str), "incontext": Optional(str)},
    "actions": ["moderate"],
    "mentions": [
        {
            "userid": str,
            "original_userid": str,
            "username": str,
            "display_name": NULLABLE,
            "link": NULLABLE,
            "description": NULLABLE,
            "joined": NULLABLE,
        }
    ],
    "user_info": {"display_name": NULLABLE},
    "references": Optional([str]),
    "flagged": bool,
    "hidden": bool,
    "moderation": Optional({"flagCount": int}),
}
GROUP = {
    "id": str,
    "links": {"html": Optional(str)},
    "groupid": NULLABLE,
    "name": str,
    "organization": NULLABLE,
    "public": bool,
    "scoped": bool,
    "type": Either("private", "open", "restricted"),
    "pre_moderated": bool,
}
ORGANIZATION = {"id": str, "default": bool, "logo": NULLABLE, "name": str}
GROUP_IN_FULL = GROUP | {
    "organization": Either(ORGANIZATION, None),
    "scopes": {"enforced": bool, "uri_patterns": [str]},
}
MEMBERSHIP = {
    "authority": str,
    "userid": str,
    "username": str,
    "display_name": NULLABLE,
    "roles": [str],
    "actions": [str],
    "created": str,
    "updated": str,
}
PROFILE = {
    "userid": str,
    "authority": str,
    "groups": [{"name": str, "id": str, "public": bool, "url": Optional(str)}],
    "features": dict,
    "preferences": {
        "show_sidebar_tutorial": Optional(bool),
        "show_youtube_gdpr_banner": Optional(bool),
        "shortcuts_preferences": Optional(dict),
    },
    "user_info": {"display_name": NULLABLE},
}
USER = {"authority": str, "userid": str, "username": str, "display_name": NULLABLE, "email": NULLABLE}
ALICES_TOKEN = {"userid": str, "expires_at": NULLABLE, "issued_at": str, "expired": False, "client": Optional(dict)}
EXPAND = "expand=organization&expand=scopes"


class Somebody:
    """A user who sends requests, and what they share."""

    def __init__(self, client: TestClient, session: Session) -> None:
        make_world_group(session)
        self._client = client
        self.user = make_user(session)
        self.group = make_group(session)
        add_member(session, group=self.group, user=self.user, role=Role.OWNER)
        token = make_access_token(session, user=self.user)
        session.flush()
        self._headers = {"Authorization": f"Bearer {token}"}
        self.note = self.answer("POST", "/api/annotations", json=self.new())
        self.reply = self.answer("POST", "/api/annotations", json=self.new(references=[self.note["id"]]))

    def new(self, **values: Any) -> dict[str, Any]:
        selector = {"type": "TextQuoteSelector", "exact": "q"}
        mention = f'<a data-hyp-mention="" data-userid="acct:{self.user.username}@example.org">@me</a>'
        read = {"read": [f"group:{self.group.pubid}"]}
        note = {"uri": PAGE, "text": mention, "tags": ["x"], "group": self.group.pubid, "permissions": read}
        return note | {"target": [{"selector": [selector]}], "document": {"title": ["T"]}} | values

    def answer(self, method: str, path: str, *, status: int = 200, **arguments: Any) -> Any:
        """Send a request and return the JSON of its answer."""
        found = self._client.request(method, path, headers=self._headers, **arguments)
        assert found.status_code == status, found.text
        return found.json() if found.content else None


@pytest.fixture
def somebody(client: TestClient, session: Session) -> Somebody:
    return Somebody(client, session)


def assert_shape(value: Any, shape: Any) -> None:
    assert differences(value, shape) == []


class TestAnnotations:
    def test_created(self, somebody: Somebody) -> None:
        assert_shape(somebody.note, ANNOTATION)
        assert somebody.note["actions"] == ["moderate"]
        assert somebody.note["mentions"]
        assert_shape(somebody.reply, ANNOTATION | {"references": [str]})

    def test_read_changed_judged_and_deleted(self, somebody: Somebody) -> None:
        path = f"/api/annotations/{somebody.note['id']}"
        assert_shape(somebody.answer("GET", path), ANNOTATION)
        changed = somebody.answer("PATCH", path, json=somebody.note | {"text": "more"})
        assert_shape(changed, ANNOTATION)
        verdict = {"moderation_status": "DENIED", "annotation_updated": changed["updated"]}
        assert_shape(somebody.answer("PATCH", f"{path}/moderation", json=verdict), ANNOTATION)
        assert_shape(somebody.answer("DELETE", path), {"id": str, "deleted": True})
        assert_shape(somebody.answer("GET", path, status=404), FAILURE)

    @pytest.mark.parametrize(("method", "action"), [("PUT", "flag"), ("PUT", "hide"), ("DELETE", "hide")])
    def test_marks_answer_with_nothing(self, somebody: Somebody, method: str, action: str) -> None:
        path = f"/api/annotations/{somebody.note['id']}/{action}"
        assert somebody.answer(method, path, status=204) is None

    def test_found(self, somebody: Somebody) -> None:
        rows = {"total": int, "rows": [ANNOTATION]}
        assert_shape(somebody.answer("GET", f"/api/search?uri={PAGE}"), rows)
        found = somebody.answer("GET", f"/api/search?uri={PAGE}&_separate_replies=true")
        assert_shape(found, rows | {"replies": [ANNOTATION]})
        assert len(found["rows"]) == len(found["replies"]) == 1
        assert_shape(somebody.answer("GET", f"/api/badge?uri={PAGE}"), {"total": int})

    def test_as_json_ld(self, somebody: Somebody) -> None:
        names = ("@context", "type", "id", "created", "modified", "creator")
        shape = dict.fromkeys(names, str) | {"body": [dict], "target": [{"source": str, "selector": Optional([dict])}]}
        assert_shape(somebody.answer("GET", f"/api/annotations/{somebody.note['id']}.jsonld"), shape)

    def test_a_queue_for_moderators(self, somebody: Somebody) -> None:
        page = {"meta": {"page": {"total": int}}, "data": [ANNOTATION]}
        assert_shape(somebody.answer("GET", f"/api/groups/{somebody.group.pubid}/annotations"), page)


class TestGroups:
    def test_listed_and_read(self, somebody: Somebody) -> None:
        for path in ("/api/groups", "/api/profile/groups"):
            assert_shape(somebody.answer("GET", path), [GROUP])
            assert_shape(somebody.answer("GET", f"{path}?{EXPAND}"), [GROUP_IN_FULL])
        assert_shape(somebody.answer("GET", f"/api/groups/{somebody.group.pubid}"), GROUP)

    def test_made_and_changed(self, somebody: Somebody) -> None:
        made = somebody.answer("POST", "/api/groups", json={"name": "My Group"})
        assert_shape(made, GROUP_IN_FULL)
        assert_shape(somebody.answer("PATCH", f"/api/groups/{made['id']}", json={"name": "Ours"}), GROUP_IN_FULL)

    def test_members(self, somebody: Somebody) -> None:
        path = f"/api/groups/{somebody.group.pubid}/members"
        assert_shape(somebody.answer("GET", path), [MEMBERSHIP])
        page = {"meta": {"page": {"total": int}}, "data": [MEMBERSHIP]}
        assert_shape(somebody.answer("GET", f"{path}?page[number]=1&page[size]=100"), page)
        assert_shape(somebody.answer("GET", f"{path}/me"), MEMBERSHIP)
        assert somebody.answer("DELETE", f"{path}/me", status=204) is None


class TestProfile:
    def test_of_a_user(self, somebody: Somebody) -> None:
        assert_shape(somebody.answer("GET", "/api/profile"), PROFILE)
        change = {"preferences": {"show_sidebar_tutorial": False}}
        assert_shape(somebody.answer("PATCH", "/api/profile", json=change), PROFILE)
        assert_shape(somebody.answer("GET", "/api/debug-token"), ALICES_TOKEN)

    def test_of_nobody(self, client: TestClient) -> None:
        nobody = {key: shape for key, shape in PROFILE.items() if key != "user_info"} | {"userid": None}
        assert_shape(client.get("/api/profile").json(), nobody)


class TestRest:
    def test_users_for_applications(self, client: TestClient, basic_auth: Callable[..., dict[str, str]]) -> None:
        body = {"authority": "lms.test", "username": "learner", "email": "learner@lms.test"}
        headers = basic_auth("lms.test")
        assert_shape(client.post("/api/users", json=body, headers=headers).json(), USER)
        assert_shape(client.get("/api/users/acct:learner@lms.test", headers=headers).json(), USER)

    def test_links(self, client: TestClient) -> None:
        assert all(isinstance(link, str) for link in client.get("/api/links").json().values())
        index = client.get("/api/").json()
        assert index.keys() == {"links"}
        assert index["links"].keys() >= {"annotation", "group", "groups", "profile", "search", "links", "analytics"}

    @pytest.mark.parametrize(
        ("path", "headers", "status"),
        [
            ("/api/search?limit=x", {}, 400),
            ("/api/unknown", {}, 404),
            ("/api/profile", {"Accept": "text/html"}, 406),
        ],
    )
    def test_failures(self, client: TestClient, path: str, headers: dict[str, str], status: int) -> None:
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        assert_shape(answer.json(), FAILURE)


class TestShapes:
    def test_what_differs_is_named(self) -> None:
        shape = {"a": int, "b": [str], "c": Optional(str), "d": Either(str, None)}
        assert differences({"a": 1, "b": ["x"], "d": None}, shape) == []
        assert differences({"a": True, "b": ["x", 1], "e": 0, "d": 2}, shape) == [
            "answer.e: is not expected",
            "answer.a: True is no int",
            "answer.b.1: 1 is no str",
            "answer.d: none of the shapes fits 2",
        ]
