"""`h authclient`: what applications may do, their secrets and their end."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hcommon.crypto import KeyRing
from hcommon.db.engine import Database
from hcommon.models import AuthClient, Grant
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user, recorded_events
from sqlalchemy import select


@pytest.fixture
def add(h: Callable[..., Any]) -> Callable[..., str]:
    """Register an application and return its id: `add("--capability", "bulk")`."""

    def add(*arguments: str, grant_type: str = "client_credentials") -> str:
        done = h("authclient", "add", "--name", "LMS", "--grant-type", grant_type, *arguments)
        assert done.exit_code == 0, done.output
        return str(done.stdout.split()[1])

    return add


def find(database: Database, client_id: str) -> AuthClient | None:
    with database.transaction() as session:
        return session.get(AuthClient, UUID(client_id))


class TestCapabilities:
    def test_are_given_and_taken(self, h: Callable[..., Any], add: Callable[..., str], database: Database) -> None:
        client_id = add("--capability", "bulk")
        assert find(database, client_id).capabilities == ["bulk"]
        assert "bulk" in h("authclient", "list").output
        assert h("authclient", "allow", client_id).output == "LMS: no capabilities.\n"
        assert find(database, client_id).capabilities == []
        assert h("authclient", "allow", client_id, "--capability", "bulk").output == "LMS: bulk.\n"

    def test_are_for_applications_with_credentials_alone(self, h: Callable[..., Any], add: Callable[..., str]) -> None:
        client_id = add(grant_type="jwt_bearer")
        for arguments in (
            ["allow", client_id],
            ["add", "--name", "x", "--grant-type", "jwt_bearer"],
        ):
            refused = h("authclient", *arguments, "--capability", "bulk")
            assert refused.exit_code == 1
            assert "client_credentials" in refused.output

    def test_of_nobody_are_an_error(self, h: Callable[..., Any]) -> None:
        assert h("authclient", "allow", str(uuid4())).exit_code == 1


class TestSecret:
    def test_is_replaced(
        self, h: Callable[..., Any], add: Callable[..., str], database: Database, environment: dict[str, str]
    ) -> None:
        client_id = add()
        shown = h("authclient", "secret", client_id).stdout.split()[1]
        kept = find(database, client_id).secret_encrypted
        assert KeyRing(environment["SECRET_KEY"]).decrypt("authclient", kept) == shown

    def test_of_a_public_application_is_not_made(self, h: Callable[..., Any], add: Callable[..., str]) -> None:
        client_id = add("--redirect-uri", "https://x.test/", grant_type="authorization_code")
        assert h("authclient", "secret", client_id).exit_code == 1


class TestDelete:
    def test_ends_all_access(self, h: Callable[..., Any], add: Callable[..., str], database: Database) -> None:
        client_id = add(grant_type="jwt_bearer")
        with database.transaction() as session:
            user = make_user(session)
            for owner in (UUID(client_id), None):
                session.add(Grant(id=uuid4(), user_id=user.id, auth_client_id=owner, source="jwt", created=START))
        assert h("authclient", "delete", client_id, stdin="n\n").exit_code == 1
        assert find(database, client_id) is not None
        assert h("authclient", "delete", client_id, "--yes").output == "LMS is gone.\n"
        assert find(database, client_id) is None
        with database.transaction() as session:
            assert [grant.auth_client_id for grant in session.scalars(select(Grant))] == [None]
            assert [event.TYPE for event in recorded_events(session)] == ["grant.revoked"]

    def test_keeps_the_site_s_own(self, h: Callable[..., Any], add: Callable[..., str]) -> None:
        client_id = add()
        refused = h("authclient", "delete", client_id, "--yes", CLIENT_ID=client_id)
        assert refused.exit_code == 1
        assert "sidebar" in refused.output
        assert h("authclient", "secret", client_id, CLIENT_ID=client_id).exit_code == 1
