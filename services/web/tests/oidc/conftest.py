"""A site with an identity provider, which answers over HTTP."""

from collections.abc import Callable, Iterator

import pytest
from hcommon.testing.clock import FrozenClock
from httpx2 import Response
from hweb.settings import Settings
from pydantic import SecretStr
from starlette.testclient import TestClient

from services.web.tests.oidc.scripted import CLIENT_ID, CLIENT_SECRET, Key, Scripted, serving

LogIn = Callable[..., Response]


@pytest.fixture(scope="session")
def key() -> Key:
    return Key.rsa("first")


@pytest.fixture
def provider(key: Key, clock: FrozenClock) -> Iterator[Scripted]:
    with serving(key=key, clock=lambda: clock.now().timestamp()) as scripted:
        yield scripted


@pytest.fixture
def settings(settings: Settings, provider: Scripted) -> Settings:
    """The settings of other tests, with the provider."""
    return settings.model_copy(
        update={
            "oidc_issuer": provider.url,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            "oidc_name": "Example University",
        }
    )


@pytest.fixture
def log_in(client: TestClient, provider: Scripted) -> LogIn:
    """Go to the provider, log in there, and come back: `log_in("/oidc/login?next=…")`."""

    def log_in(path: str = "/oidc/login", **changes: str) -> Response:
        return client.get(provider.log_in(client.get(path).headers["location"], **changes))

    return log_in
