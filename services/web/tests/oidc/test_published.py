"""A provider that others have written, in a process of its own."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from socket import create_connection

import httpx2
import pytest
from hcommon.clock import SystemClock
from hcommon.models import User, UserIdentity
from hcommon.testing.clock import FrozenClock
from hcommon.testing.ports import free_port
from hweb.settings import Settings
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

NINA = {"sub": "nina-1", "email": "nina@example.net", "email_verified": True, "preferred_username": "nina"}
START_SECONDS = 20


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Start the provider and return its issuer."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--user-claims", json.dumps(NINA)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with closing(create_connection(("127.0.0.1", port), timeout=1)):
                    break
            except OSError:
                assert process.poll() is None, "the provider ended"
                assert time.monotonic() < deadline, "the provider does not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def clock() -> FrozenClock:
    """The time of the provider, which has a clock of its own."""
    return FrozenClock(SystemClock().now())


@pytest.fixture
def settings(settings: Settings, issuer: str) -> Settings:
    update = {"oidc_issuer": issuer, "oidc_client_id": "h", "oidc_client_secret": SecretStr("s"), "oidc_name": "Mock"}
    return settings.model_copy(update=update)


def log_in_there(location: str) -> str:
    """Choose an account on the provider's page, and return where it leads."""
    sent = httpx2.post(location, data={"sub": NINA["sub"]}, follow_redirects=False)
    return sent.headers["location"].removeprefix("http://example.org")


def test_lets_somebody_sign_up_and_log_in_again(client: TestClient, session: Session, issuer: str) -> None:
    back = client.get(log_in_there(client.get("/oidc/login?next=/groups/new").headers["location"]))
    page = back.headers["location"]
    assert page.startswith("/oidc/signup?ticket=")
    shown = client.get(page).text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))
    assert 'value="nina"' in shown

    answer = client.post("/oidc/signup", data=hidden | {"username": "nina", "privacy_accepted": "true"})

    assert answer.headers["location"] == "/groups/new"
    user = session.scalars(select(User)).one()
    assert (user.username, user.email) == ("nina", "nina@example.net")
    assert session.scalars(select(UserIdentity.provider)).all() == [issuer]
    client.cookies.delete("h_session")
    assert client.get(log_in_there(client.get("/oidc/login").headers["location"])).headers["location"] == "/"
    assert client.get("/login").status_code == 302
