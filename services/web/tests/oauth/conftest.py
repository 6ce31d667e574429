"""OAuth clients and users."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from hcommon.models import AuthClient, User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user
from hweb.resources import Resources
from sqlalchemy.orm import Session

REDIRECT_URI = "https://reader.test/app.html"
JWT_SECRET = "a secret of the LMS, long enough for HS256 and for HS512, which needs 64 bytes"

MakeClient = Callable[..., AuthClient]


@pytest.fixture
def alice(session: Session) -> User:
    return make_user(session, username="alice")


@pytest.fixture
def make_client(session: Session, resources: Resources) -> MakeClient:
    """Insert an auth client: `make_client(secret="…", trusted=True)`."""

    def make(*, secret: str | None = None, client_id: UUID | None = None, **columns: object) -> AuthClient:
        values = {
            "name": "Reader",
            "authority": "example.org",
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT_URI,
            "trusted": False,
            "created": START,
        } | columns
        client = AuthClient(
            id=client_id or uuid4(),
            secret_encrypted=resources.keys.encrypt("authclient", secret) if secret else None,
            **values,
        )
        session.add(client)
        session.flush()
        return client

    return make


@pytest.fixture
def reader(make_client: MakeClient) -> AuthClient:
    """A public client that users are asked about."""
    return make_client()


@pytest.fixture
def sidebar(make_client: MakeClient, resources: Resources) -> AuthClient:
    """The site's own client."""
    return make_client(
        client_id=resources.settings.oauth_client_id,
        name="Sidebar",
        trusted=True,
        redirect_uri="http://example.org/app.html",
    )


@pytest.fixture
def lms(make_client: MakeClient) -> AuthClient:
    """A client that vouches for its users."""
    return make_client(name="LMS", authority="lms.test", grant_type="jwt_bearer", redirect_uri=None, secret=JWT_SECRET)
