"""The web application on a rolled-back database, and a client for it."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from hcommon.metrics import Metrics
from hcommon.models import AuthClient
from hcommon.search.postgresql import PostgreSQLBackend
from hcommon.sessions import SessionStore
from hcommon.testing.clock import FrozenClock
from hcommon.testing.database import RolledBackDatabase
from hstandalone.valkey import EmbeddedValkey
from httpx2 import Response
from hweb.app import create_app, create_site
from hweb.authclients import CLIENT_CREDENTIALS, SECRET_LABEL
from hweb.resources import Resources
from hweb.settings import Settings
from hweb.visitor import SESSION_COOKIE
from redis import Redis
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.web.tests.described import Description

APP_URL = "http://example.org"
SECRET_KEY = "a secret of the tests, long enough to be accepted"


@pytest.fixture
def settings(valkey: EmbeddedValkey, tmp_path: Path) -> Settings:
    """Settings of a first-party site `example.org`; the database comes from `resources`."""
    return Settings(
        database_url="postgresql://unused",
        redis_url=valkey.url(0),
        secret_key=SECRET_KEY,
        app_url=APP_URL,
        mail_dir=tmp_path / "mail",
    )


@pytest.fixture
def resources(settings: Settings, rolled_back: RolledBackDatabase, clock: FrozenClock) -> Iterator[Resources]:
    """What the application holds; Redis is emptied afterwards."""
    redis: Redis = Redis.from_url(settings.redis_url.get_secret_value())
    yield Resources(
        settings=settings,
        database=rolled_back,
        redis=redis,
        search=PostgreSQLBackend(rolled_back),
        clock=clock,
        metrics=Metrics(host=None, port=8125, prefix="h"),
        keys=settings.keys,
        links=settings.links,
    )
    redis.flushdb()
    redis.close()


@pytest.fixture(scope="session")
def site() -> FastAPI:
    """The routes of every test's `client`: preparing them costs more than most tests do."""
    return create_site()


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """The event loop of every test's `client`, which would make one for each request."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def description(site: FastAPI) -> Description:
    """What the OpenAPI document says of every operation."""
    return Description(site.openapi())


@pytest.fixture
def client(resources: Resources, site: FastAPI, portal: BlockingPortal, description: Description) -> TestClient:
    """A client of the whole application, middleware included; redirects are not followed.

    Whatever it is answered has to be as the OpenAPI document says.
    """
    app = create_app(resources, site=site)
    client = TestClient(app, base_url=APP_URL, follow_redirects=False, raise_server_exceptions=False)
    client.portal = portal
    client.event_hooks = {"response": [description.check]}
    return client


@pytest.fixture
def sign_in(client: TestClient, resources: Resources) -> Callable[[int], None]:
    """Give the client the session of a user: `sign_in(user.id)`."""

    def sign_in(user_id: int) -> None:
        cookie, _ = SessionStore(resources.redis).start(user_id=user_id, now=resources.clock.now())
        client.cookies.set(SESSION_COOKIE, cookie, domain="example.org")

    return sign_in


@pytest.fixture
def submit(client: TestClient) -> Callable[..., Response]:
    """Open a page and send its form as a browser does: `submit("/login", {"username": …})`."""

    def submit(path: str, fields: dict[str, str], *, to: str | None = None) -> Response:
        shown = client.get(path)
        token = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)
        assert token, shown.text
        return client.post(to or path, data={"csrf_token": token[1], **fields})

    return submit


@pytest.fixture
def basic_auth(session: Session, resources: Resources) -> Callable[..., dict[str, str]]:
    """Register a client and return the headers of its requests: `basic_auth("lms.test", user="acct:al@lms.test")`."""

    def register(authority: str = "example.org", *, user: str | None = None, **columns: object) -> dict[str, str]:
        values: dict[str, object] = {
            "name": "LMS",
            "grant_type": CLIENT_CREDENTIALS,
            "secret_encrypted": resources.keys.encrypt(SECRET_LABEL, "secret"),
        } | columns
        client = AuthClient(id=uuid4(), authority=authority, created=resources.clock.now(), **values)
        session.add(client)
        session.flush()
        credentials = base64.b64encode(f"{client.id}:secret".encode()).decode()
        forwarded = {} if user is None else {"X-Forwarded-User": user}
        return {"Authorization": f"Basic {credentials}"} | forwarded

    return register
