"""One request for every operation of the OpenAPI document, and who sends it."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from httpx2 import Response
from hweb.app import create_site
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.contract.shapes import Either, Optional
from tests.contract.test_shapes import (
    ALICES_TOKEN,
    ANNOTATION,
    FAILURE,
    GROUP,
    GROUP_IN_FULL,
    MEMBERSHIP,
    PAGE,
    PROFILE,
    USER,
    Somebody,
)

LMS = "lms.test"
PERIOD = {"gt": "2020-01-01T00:00:00Z", "lte": "2030-01-01T00:00:00Z"}
PLACE = {"group_authority_provided_id": "course", "document_uri": PAGE}
PAGE_OF = {"meta": {"page": {"total": int}}}
OAUTH_FAILURE = FAILURE | {"error": str, "error_description": Optional(str)}
TOKENS = {"access_token": str, "refresh_token": str, "token_type": "Bearer", "expires_in": int, "scope": str}
LEARNER = {"authority": LMS, "username": "learner", "email": "learner@lms.test"}
COUNT = {
    "assignment_id": Either(str, None),
    "userid": Either(str, None),
    "display_name": Either(str, None),
    "annotations": int,
    "replies": int,
    "page_notes": int,
    "last_activity": str,
}
CHECKPOINT = {
    "group_authority_provided_id": str,
    "document_uri": str,
    "revealed": bool,
    "reveal_date": Either(str, None),
}
_ADDRESSES = ("issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "service_documentation")
_SUPPORTED = (
    "response_types",
    "response_modes",
    "grant_types",
    "scopes",
    "code_challenge_methods",
    "token_endpoint_auth_methods",
    "revocation_endpoint_auth_methods",
)
METADATA: dict[str, Any] = dict.fromkeys(_ADDRESSES, str) | {f"{key}_supported": [str] for key in _SUPPORTED}
JSONLD = dict.fromkeys(("@context", "type", "id", "created", "modified", "creator"), str) | {
    "body": [dict],
    "target": [{"source": str, "selector": Optional([dict])}],
}
JOB = [
    [
        "configure",
        {
            "view": "basic",
            "user": {"effective": f"acct:teacher@{LMS}"},
            "instructions": {"total": 2},
            "defaults": [["create", "*", {"on_duplicate": "continue"}], ["upsert", "*", {"merge_query": True}]],
        },
    ],
    [
        "upsert",
        {
            "data": {
                "type": "group",
                "attributes": {"name": "Course"},
                "meta": {"query": {"authority": LMS, "authority_provided_id": "new"}, "$anchor": "g"},
            }
        },
    ],
]


@dataclass(frozen=True)
class Case:
    """A request and the shape of its answer.

    Attributes:
        who: `user`, `application` or `nobody`.
        lines: The answer is a JSON value a line.
    """

    method: str
    path: str
    shape: Any
    status: int = 200
    who: str = "user"
    body: Any = None
    form: dict[str, str] | None = None
    text: str | None = None
    lines: bool = False


CASES = {
    "badge": Case("GET", f"/api/badge?uri={PAGE}", {"total": int}, who="nobody"),
    "search": Case("GET", f"/api/search?uri={PAGE}&limit=1", {"total": int, "rows": [ANNOTATION], "next": str}),
    "annotation_create": Case("POST", "/api/annotations", ANNOTATION, body={"uri": PAGE}),
    "annotation_jsonld": Case("GET", "/api/annotations/{note}.jsonld", JSONLD),
    "annotation_read": Case("GET", "/api/annotations/{note}", ANNOTATION),
    "annotation_update": Case("PATCH", "/api/annotations/{note}", ANNOTATION, body={"text": "more"}),
    "annotation_replace": Case("PUT", "/api/annotations/{note}", ANNOTATION, body={"text": "more"}),
    "annotation_delete": Case("DELETE", "/api/annotations/{note}", {"id": str, "deleted": True}),
    "annotation_flag": Case("PUT", "/api/annotations/{note}/flag", None, status=204),
    "annotation_hide": Case("PUT", "/api/annotations/{note}/hide", None, status=204),
    "annotation_unhide": Case("DELETE", "/api/annotations/{note}/hide", None, status=204),
    "annotation_moderate": Case(
        "PATCH",
        "/api/annotations/{note}/moderation",
        ANNOTATION,
        body={"moderation_status": "DENIED", "annotation_updated": "{updated}"},
    ),
    "annotation_reindex": Case("POST", "/api/annotations/{note}/reindex", FAILURE, status=404),
    "profile_read": Case("GET", "/api/profile", PROFILE),
    "profile_update": Case("PATCH", "/api/profile", PROFILE, body={"preferences": {"show_sidebar_tutorial": False}}),
    "profile_groups_read": Case("GET", "/api/profile/groups", [GROUP]),
    "groups_read": Case("GET", "/api/groups", [GROUP]),
    "group_create": Case("POST", "/api/groups", GROUP_IN_FULL, body={"name": "Readers"}),
    "group_read": Case("GET", "/api/groups/{group}", GROUP),
    "group_update": Case("PATCH", "/api/groups/{group}", GROUP_IN_FULL, body={"name": "Readers"}),
    "group_annotations_read": Case("GET", "/api/groups/{group}/annotations", PAGE_OF | {"data": [ANNOTATION]}),
    "group_members_read": Case("GET", "/api/groups/{group}/members?page[number]=1", PAGE_OF | {"data": [MEMBERSHIP]}),
    "group_member_read": Case("GET", "/api/groups/{group}/members/{other}", MEMBERSHIP),
    "group_member_add": Case("POST", "/api/groups/{course}/members/{teacher}", MEMBERSHIP, who="application"),
    "group_member_edit": Case(
        "PATCH", "/api/groups/{group}/members/{other}", MEMBERSHIP, body={"roles": ["moderator"]}
    ),
    "group_member_delete": Case("DELETE", "/api/groups/{group}/members/{other}", None, status=204),
    "index": Case("GET", "/api/", {"links": dict}, who="nobody"),
    "links": Case(
        "GET",
        "/api/links",
        dict.fromkeys(
            (
                "account.settings",
                "forgot-password",
                "groups.new",
                "help",
                "oauth.authorize",
                "oauth.revoke",
                "search.tag",
                "signup",
                "user",
                "websocket",
            ),
            str,
        ),
        who="nobody",
    ),
    "analytics_events_create": Case(
        "POST", "/api/analytics/events", None, status=204, body={"event": "client.realtime.apply_updates"}
    ),
    "user_create": Case("POST", "/api/users", USER, who="application", body=LEARNER),
    "user_read": Case("GET", "/api/users/{teacher}", USER, who="application"),
    "user_update": Case("PATCH", "/api/users/teacher", USER, who="application", body={"display_name": "T"}),
    "bulk_action": Case(
        "POST",
        "/api/bulk",
        {"data": {"type": "group", "id": str}},
        who="application",
        text="\n".join(json.dumps(line) for line in JOB),
        lines=True,
    ),
    "bulk_annotation": Case(
        "POST",
        "/api/bulk/annotation",
        {"author": {"username": str}, "group": {"authority_provided_id": str}, "metadata": dict},
        who="application",
        body={"filter": {"limit": 10, "username": "teacher", "created": PERIOD}},
        lines=True,
    ),
    "bulk_group": Case(
        "POST",
        "/api/bulk/group",
        {"authority_provided_id": str},
        who="application",
        body={"filter": {"groups": ["course"], "annotations_created": PERIOD}},
        lines=True,
    ),
    "bulk_lms_annotations": Case(
        "POST",
        "/api/bulk/lms/annotations",
        [COUNT],
        who="application",
        body={"group_by": "user", "filter": {"groups": ["course"]}},
    ),
    "bulk_checkpoint": Case(
        "POST",
        "/api/bulk/checkpoint",
        [CHECKPOINT | {"created": True}],
        who="application",
        body={"checkpoints": [PLACE], "user": {"username": "teacher", "role": "instructor"}},
    ),
    "bulk_checkpoint_reveal": Case(
        "POST", "/api/bulk/checkpoint/reveal", [CHECKPOINT], who="application", body={"checkpoints": [PLACE]}
    ),
    "oauth_token": Case("POST", "/api/token", OAUTH_FAILURE, status=400, who="nobody", form={"grant_type": "x"}),
    "oauth_revoke": Case("POST", "/oauth/revoke", {}, who="nobody", form={"token": "unknown"}),
    "oauth_metadata": Case("GET", "/.well-known/oauth-authorization-server", METADATA, who="nobody"),
    "debug_token": Case("GET", "/api/debug-token", ALICES_TOKEN),
}


class World:
    """A user with a group, an application with a course, and their names for the paths of requests."""

    def __init__(self, client: TestClient, session: Session, application: dict[str, str]) -> None:
        self._client = client
        somebody = Somebody(client, session)
        other = make_user(session)
        add_member(session, group=somebody.group, user=other)
        course = make_group(session, authority=LMS, authority_provided_id="course")
        teacher = make_user(session, username="teacher", authority=LMS)
        add_member(session, group=course, user=teacher)
        make_annotation(session, user=teacher, group=course, text="x", client_metadata="{}")
        self.subjects = [f"user:{somebody.user.id}", "address:testclient"]
        self.names = {
            "note": somebody.note["id"],
            "updated": somebody.note["updated"],
            "group": somebody.group.pubid,
            "course": course.pubid,
            "other": f"acct:{other.username}@{other.authority}",
            "teacher": f"acct:teacher@{LMS}",
        }
        self._headers = {"user": somebody._headers, "application": application, "nobody": {}}

    def send(self, case: Case, *, client: TestClient | None = None, headers: dict[str, str] | None = None) -> Response:
        """Send the request, with more headers and by another client than the world's if so wanted."""
        body = case.body
        if body is not None:
            body = {key: value.format(**self.names) if isinstance(value, str) else value for key, value in body.items()}
        return (client or self._client).request(
            case.method,
            case.path.format(**self.names),
            headers=self._headers[case.who] | (headers or {}),
            json=body,
            data=case.form,
            content=case.text,
        )

    def answer(self, case: Case) -> Any:
        """Send the request and return the JSON of its answer, None for an empty one."""
        found = self.send(case)
        assert found.status_code == case.status, found.text
        if case.lines:
            return [json.loads(line) for line in found.text.splitlines()]
        return found.json() if found.content else None


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return create_site().openapi()


def operations() -> dict[str, dict[str, Any]]:
    """Return what the document says of every operation, by its id."""
    paths = document()["paths"].values()
    return {operation["operationId"]: operation for methods in paths for operation in methods.values()}
