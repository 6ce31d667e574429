"""A broker, a mail server and collaborators of each test's own."""

import email
import email.policy
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from hcommon.db.engine import Database
from hcommon.events.base import Event
from hcommon.models import Annotation, User
from hcommon.testing import ports
from hcommon.testing.clock import FrozenClock
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import make_annotation, make_user
from hcommon.testing.rabbitmq import ScriptedBroker, scripted_broker
from hstandalone.valkey import EmbeddedValkey
from hworker.context import Context, create_context
from hworker.settings import Settings
from sqlalchemy.orm import Session as DatabaseSession

BUS, TASKS = 6, 7
PATIENCE_SECONDS = 30.0


class RecordingMailer:
    """Stands for the mail server: keeps messages, and fails when told to."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.error: Exception | None = None

    def send(self, message: EmailMessage) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message)


class RecordingQueue:
    """Stands for Celery's queue."""

    def __init__(self) -> None:
        self.queued: list[tuple[str, Event, int]] = []
        self.periodic: list[str] = []
        self.error: Exception | None = None

    def send_event(self, name: str, *, event: Event, attempts: int) -> None:
        if self.error is not None:
            raise self.error
        self.queued.append((name, event, attempts))

    def send_periodic(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        self.periodic.append(name)


class MailSink:
    """A mail server; `answers` are what it says next to a recipient, to the data, or `hang` before its answer."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.rcpt_answer: str | None = None
        self.data_answer: str | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.receiving = threading.Event()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        self.receiving.set()
        content = envelope.content
        assert isinstance(content, bytes)
        if self.data_answer:
            return self.data_answer
        self.recipients.extend(envelope.rcpt_tos)
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        while not self.hold.is_set():  # the message is taken, the answer is not given
            await server.loop.run_in_executor(None, self.hold.wait, 0.2)
        return "250 OK"


def _poll(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"did not happen: {what}")


@pytest.fixture
def poll() -> Callable[..., Any]:
    """Waits until a condition holds, and returns what it returned."""
    return _poll


@pytest.fixture
def free_port() -> int:
    """Return the one port of a test where nobody listens."""
    return ports.free_port()


@pytest.fixture
def sink() -> MailSink:
    return MailSink()


@pytest.fixture
def smtp(sink: MailSink, free_port: int) -> Iterator[Controller]:
    """The mail server running at `smtp.port`."""
    controller = Controller(sink, hostname="127.0.0.1", port=free_port)
    controller.start()
    yield controller
    sink.hold.set()
    if controller.server is not None:
        controller.stop()


@pytest.fixture
def broker_urls(valkey: EmbeddedValkey) -> tuple[str, str]:
    """Empty brokers: of the bus, and of Celery."""
    for number in (BUS, TASKS):
        with redis.Redis.from_url(valkey.url(number)) as client:
            client.flushdb()
    return valkey.broker_url(BUS), valkey.broker_url(TASKS)


@pytest.fixture
def rabbitmq() -> Iterator[ScriptedBroker]:
    """A broker that does what its script says."""
    with scripted_broker() as server:
        yield server


@pytest.fixture
def bus_client(valkey: EmbeddedValkey, broker_urls: tuple[str, str]) -> Iterator[redis.Redis]:
    """Looks into the broker of the bus."""
    with redis.Redis.from_url(valkey.url(BUS)) as client:
        yield client


@pytest.fixture
def tasks_client(valkey: EmbeddedValkey, broker_urls: tuple[str, str]) -> Iterator[redis.Redis]:
    """Looks into Celery's broker."""
    with redis.Redis.from_url(valkey.url(TASKS)) as client:
        yield client


@pytest.fixture
def make_settings(broker_urls: tuple[str, str], tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings that need no environment."""

    def make(**overrides: Any) -> Settings:
        values: dict[str, Any] = {
            "database_url": "postgresql://nowhere/h",
            "broker_url": broker_urls[0],
            "celery_broker_url": broker_urls[1],
            "secret_key": "0123456789abcdef0123456789abcdef",
            "app_url": "https://h.example.org",
            "authority": "example.org",
            "bouncer_url": "https://hyp.is",
            "mail_default_sender": "Annotations <noreply@example.org>",
            "mail_dir": tmp_path / "mail",
        }
        return Settings(**(values | overrides))

    return make


@pytest.fixture
def mailer() -> RecordingMailer:
    return RecordingMailer()


@pytest.fixture
def queue() -> RecordingQueue:
    return RecordingQueue()


@pytest.fixture
def context(
    make_settings: Callable[..., Settings], rolled_back: RolledBackDatabase, clock: FrozenClock, mailer: RecordingMailer
) -> Context:
    """Collaborators on a database whose writes are undone."""
    return create_context(make_settings(), clock=clock, database=rolled_back, mailer=mailer)


@pytest.fixture
def committing_context(
    make_settings: Callable[..., Settings], fresh_database: Database, clock: FrozenClock, mailer: RecordingMailer
) -> Context:
    """Collaborators on a database whose writes others see."""
    return create_context(make_settings(), clock=clock, database=fresh_database, mailer=mailer)


@pytest.fixture
def thread(session: DatabaseSession) -> tuple[Annotation, Annotation, User, User]:
    """An annotation, a reply to it, and their authors."""
    return _make_thread(session)


@pytest.fixture
def make_thread() -> Callable[..., tuple[Annotation, Annotation, User, User]]:
    """Makes such a thread in a session."""
    return _make_thread


def _make_thread(session: DatabaseSession, **reply: Any) -> tuple[Annotation, Annotation, User, User]:
    ann, bob = make_user(session, username="ann"), make_user(session, username="bob")
    root = make_annotation(session, user=ann, text="What Ann thinks")
    values: dict[str, Any] = {"user": bob, "references": [root.id], "text": "What Bob answers"}
    return root, make_annotation(session, **(values | reply)), ann, bob
