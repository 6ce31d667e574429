"""Somebody whose account has a second factor."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hcommon.models import User
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user
from hweb.accounts import passwords
from hweb.resources import Resources
from hweb.twofactor import codes, service
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PASSWORD = "correct horse battery"


@dataclass
class Device:
    """The app on somebody's phone, and the paper with the recovery codes."""

    user: User
    secret: str
    clock: FrozenClock
    recovery: list[str] = field(default_factory=list)

    def code(self, *, steps: int = 0) -> str:
        """Return what the app shows, now or some steps later."""
        totp = codes._totp(self.secret)
        return totp.generate(self.clock.now().timestamp() + steps * codes.STEP_SECONDS).decode()


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def ann(session: Session, password_hash: str) -> User:
    """Somebody with a password."""
    return make_user(session, username="ann", password_hash=password_hash)


@pytest.fixture
def device(session: Session, resources: Resources, clock: FrozenClock, ann: User) -> Device:
    """The device of `ann`, whose account asks for its codes."""
    secret, now = codes.new_secret(), clock.now()
    step = int(now.timestamp()) // codes.STEP_SECONDS
    made = service.turn_on(session, user_id=ann.id, secret=secret, step=step, keys=resources.keys, now=now)
    assert made is not None
    clock.advance(minutes=5)
    return Device(ann, secret, clock, made)


@pytest.fixture
def enter_password(submit: Callable[..., object]) -> Callable[..., object]:
    """Bring the password: `enter_password(next="/a")`."""

    def enter(**fields: str) -> object:
        return submit("/login", {"username": "ann", "password": PASSWORD, **fields})

    return enter


@pytest.fixture
def is_in(client: TestClient) -> Callable[[], bool]:
    """Tell whether the client is signed in."""
    return lambda: client.get("/account/settings").status_code == 200


def token_of(text: str) -> str:
    """Return the token of a page's last form."""
    return re.findall(r'name="csrf_token" value="([^"]+)"', text)[-1]
