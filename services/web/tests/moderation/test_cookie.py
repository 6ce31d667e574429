"""The site's own moderation page asks with the session's cookie and a form's token."""

import re
from collections.abc import Callable

import pytest
from hcommon.models import Group
from starlette.testclient import TestClient

from .conftest import Person


@pytest.fixture
def csrf(client: TestClient, moderator: Person, sign_in: Callable[[int], None]) -> dict[str, str]:
    """Sign the moderator in and return the header that a page of theirs sends."""
    sign_in(moderator.user.id)
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/groups/new").text)
    assert token
    return {"X-CSRF-Token": token[1]}


class TestCookie:
    def test_the_queue_an_annotation_and_a_verdict_may_be_asked_with_it(
        self, client: TestClient, group: Group, author: Person, csrf: dict[str, str]
    ) -> None:
        shared = author.share(group)
        queue = client.get(f"/api/groups/{group.pubid}/annotations", headers=csrf)
        assert [row["id"] for row in queue.json()["data"]] == [shared["id"]]
        body = {"moderation_status": "SPAM", "annotation_updated": shared["updated"]}
        path = f"/api/annotations/{shared['id']}"
        assert client.patch(f"{path}/moderation", json=body, headers=csrf).json()["moderation_status"] == "SPAM"
        # Hidden from all but moderators and the author.
        assert client.get(path, headers=csrf).json()["actions"] == ["moderate"]

    def test_without_the_token_it_counts_for_nothing(
        self, client: TestClient, group: Group, author: Person, csrf: dict[str, str]
    ) -> None:
        shared = author.share(group)
        body = {"moderation_status": "SPAM", "annotation_updated": shared["updated"]}
        assert csrf
        assert client.get(f"/api/groups/{group.pubid}/annotations").status_code == 404
        assert client.patch(f"/api/annotations/{shared['id']}/moderation", json=body).status_code == 404

    def test_it_counts_for_nothing_where_only_tokens_do(
        self, client: TestClient, group: Group, author: Person, csrf: dict[str, str]
    ) -> None:
        shared = author.share(group)
        path = f"/api/annotations/{shared['id']}"
        assert client.put(f"{path}/hide", headers=csrf).status_code == 404
        assert client.put(f"{path}/flag", headers=csrf).status_code == 404
        assert client.patch(path, json={"text": "x"}, headers=csrf).status_code == 404
