"""People and groups that annotate, and requests in their name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hcommon.auth import Principal, principal_of_user
from hcommon.models import Group, User
from hcommon.testing.factories import make_access_token, make_user, make_world_group
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

URI = "https://example.com/page"


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a token, who sends requests."""

    client: TestClient
    session: Session
    user: User
    token: str

    @property
    def userid(self) -> str:
        return f"acct:{self.user.username}@{self.user.authority}"

    @property
    def principal(self) -> Principal:
        return principal_of_user(self.session, self.user.id)

    @staticmethod
    def path(annotation: dict[str, Any] | str) -> str:
        """Return the path of an annotation."""
        annotation_id = annotation if isinstance(annotation, str) else annotation["id"]
        return f"/api/annotations/{annotation_id}"

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request and return the response."""
        headers = {"Authorization": f"Bearer {self.token}"} | arguments.pop("headers", {})
        return self.client.request(method, path, headers=headers, **arguments)

    def create(self, **body: Any) -> dict[str, Any]:
        """Create an annotation and return it."""
        response = self.request("POST", "/api/annotations", json={"uri": URI} | body)
        assert response.status_code == 200, response.text
        created: dict[str, Any] = response.json()
        return created

    def share(self, group: str = "__world__", **body: Any) -> dict[str, Any]:
        """Create a shared annotation and return it."""
        return self.create(group=group, permissions={"read": [f"group:{group}"]}, **body)

    def refused(self, method: str = "POST", path: str = "/api/annotations", **body: Any) -> str:
        """Send something that can't be and return the reason."""
        response = self.request(method, path, json=body)
        assert response.status_code == 400, response.text
        assert response.json()["status"] == "failure"
        reason: str = response.json()["reason"]
        return reason

    def change(self, annotation: dict[str, Any] | str, **body: Any) -> dict[str, Any]:
        """Change an annotation and return it."""
        response = self.request("PATCH", self.path(annotation), json=body)
        assert response.status_code == 200, response.text
        changed: dict[str, Any] = response.json()
        return changed

    def read(self, annotation: dict[str, Any] | str) -> dict[str, Any] | None:
        """Read an annotation and return it, None when it can't be seen."""
        response = self.request("GET", self.path(annotation))
        return response.json() if response.status_code == 200 else None


@pytest.fixture
def world(session: Session) -> Group:
    """The public group."""
    return make_world_group(session)


@pytest.fixture
def person(client: TestClient, session: Session) -> Callable[..., Person]:
    """Return a function that makes people."""

    def make(**columns: Any) -> Person:
        user = make_user(session, **columns)
        return Person(client, session, user, make_access_token(session, user=user))

    return make


@pytest.fixture
def alice(world: Group, person: Callable[..., Person]) -> Person:
    """Somebody who annotates."""
    return person(username="alice")


@pytest.fixture
def bob(world: Group, person: Callable[..., Person]) -> Person:
    """Somebody else."""
    return person(username="bob")
