"""People of a group with moderators; requests in their name."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.ids import annotation_id_from_urlsafe
from hcommon.models import Annotation, Group, User
from hcommon.models.group import Role
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import add_member, make_access_token, make_group, make_user
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


class Person:
    """A user who sends requests."""

    def __init__(self, client: TestClient, session: Session, user: User) -> None:
        self._client, self.user = client, user
        self._token = make_access_token(session, user=user)

    def __call__(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} | arguments.pop("headers", {})
        return self._client.request(method, path, headers=headers, **arguments)

    def share(self, group: Group, **body: Any) -> dict[str, Any]:
        """Create a shared annotation and return it."""
        permissions = {"read": [f"group:{group.pubid}"]}
        values = {"uri": "https://example.com/page", "group": group.pubid, "permissions": permissions} | body
        response = self("POST", "/api/annotations", json=values)
        assert response.status_code == 200, response.text
        created: dict[str, Any] = response.json()
        return created

    def read(self, annotation: dict[str, Any]) -> dict[str, Any] | None:
        """Return an annotation, None when it can't be seen."""
        response = self("GET", f"/api/annotations/{annotation['id']}")
        return response.json() if response.status_code == 200 else None

    def judge(self, annotation: dict[str, Any], status: str, **body: Any) -> Any:
        """Send a verdict as the client does, and return the response."""
        values = {"moderation_status": status, "annotation_updated": annotation["updated"]} | body
        return self("PATCH", f"/api/annotations/{annotation['id']}/moderation", json=values)


@pytest.fixture
def person(client: TestClient, session: Session) -> Callable[..., Person]:
    """Makes people: `person(group=group, role=Role.MODERATOR)`."""

    def make(*, group: Group | None = None, role: Role = Role.MEMBER, **columns: Any) -> Person:
        user = make_user(session, **columns)
        if group is not None:
            add_member(session, group=group, user=user, role=role)
        return Person(client, session, user)

    return make


@pytest.fixture
def group(session: Session) -> Group:
    """An open group."""
    return make_group(session, kind="open")


@pytest.fixture
def author(person: Callable[..., Person]) -> Person:
    """Somebody who annotates."""
    return person()


@pytest.fixture
def moderator(person: Callable[..., Person], group: Group) -> Person:
    """A moderator of the group."""
    return person(group=group, role=Role.MODERATOR)


@pytest.fixture
def stored(session: Session) -> Callable[[dict[str, Any]], Annotation]:
    """Return the row of an annotation."""

    def row(annotation: dict[str, Any]) -> Annotation:
        key = annotation_id_from_urlsafe(annotation["id"])
        statement = select(Annotation).where(Annotation.id == key).execution_options(populate_existing=True)
        return session.scalars(statement).one()

    return row


@pytest.fixture
def share_later(author: Person, group: Group, clock: FrozenClock) -> Callable[..., dict[str, Any]]:
    """Share an annotation, each a second after the one before."""

    def share(**body: Any) -> dict[str, Any]:
        clock.advance(seconds=1)
        return author.share(group, **body)

    return share
