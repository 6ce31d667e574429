"""The command, as processes of its own: whole journeys from a recorded event to the mail server."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from hcommon import outbox
from hcommon.clock import SystemClock
from hcommon.db.engine import Database
from hcommon.events.accounts import UserRegistered
from hcommon.events.annotations import AnnotationCreated
from hcommon.models import DeadLetter, Notification, OutboxEvent, PeriodicRun
from hcommon.testing.factories import make_user
from sqlalchemy import func, select, update

COMMAND = Path(sys.executable).with_name("h-worker")


class Worker:
    """One `h-worker` process with its log."""

    def __init__(self, *arguments: str, environment: dict[str, str], log_path: Path) -> None:
        self.log_path = log_path
        self._log = log_path.open("ab")
        self.process = subprocess.Popen([COMMAND, *arguments], env=environment, stderr=self._log, stdout=self._log)

    def log(self) -> str:
        return self.log_path.read_text()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._log.close()


@pytest.fixture
def environment(
    fresh_database_url: str, broker_urls: tuple[str, str], tmp_path: Path, free_port: int
) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],  # noqa: TID251 - what every process needs
        "DATABASE_URL": fresh_database_url,
        "BROKER_URL": broker_urls[0],
        "CELERY_BROKER_URL": broker_urls[1],
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "APP_URL": "https://h.example.org",
        "AUTHORITY": "example.org",
        "MAIL_HOST": "127.0.0.1",
        "MAIL_PORT": str(free_port),
    }


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    with ExitStack() as stack:

        def start_one(*arguments: str, **changes: str) -> Worker:
            log_path = tmp_path / f"{'-'.join(arguments)}.log"
            worker = Worker(*arguments, environment=environment | changes, log_path=log_path)
            stack.callback(worker.close)
            return worker

        yield start_one


class Journey:
    """The database and the brokers that the processes share."""

    def __init__(self, database: Database, bus: redis.Redis, tasks: redis.Redis, poll: Callable[..., Any]) -> None:
        self.database = database
        self.bus = bus
        self.tasks = tasks
        self.poll = poll

    def record_reply(self, make_thread: Callable[..., Any]) -> None:
        now = SystemClock().now()
        with self.database.transaction() as session:
            reply = make_thread(session)[1]
            event = AnnotationCreated(occurred_at=now, annotation_id=reply.id, revision=1, request_id="request-7")
            outbox.record(session, event)

    def publish_again(self) -> None:
        """Publish replies once more, as after a crash between broker and commit, and wait until nothing is left."""
        with self.database.transaction() as session:
            replies = OutboxEvent.type == "annotation.created"
            session.execute(update(OutboxEvent).where(replies).values(published_at=None))
        self.poll(lambda: not self.count(OutboxEvent, OutboxEvent.published_at.is_(None)), "published again")
        self.poll(lambda: not self.bus.llen("h.worker") and not self.bus.llen("h.worker.in-hand"), "the events handled")
        self.poll(lambda: not self.tasks.llen("h.celery") and not self.tasks.llen("h.celery.in-hand"), "the tasks done")

    def count(self, model: Any, *conditions: Any) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(model).where(*conditions)).scalar_one())


@pytest.fixture
def mail(smtp: Controller, sink: Any) -> Any:
    """The mail server's messages, and what it is told to do."""
    return sink


@pytest.fixture
def stopped_mail(sink: Any, free_port: int) -> Iterator[Controller]:
    """A mail server that is away until it is started."""
    controller = Controller(sink, hostname="127.0.0.1", port=free_port)
    yield controller
    controller.stop()


@pytest.fixture
def journey(
    fresh_database: Database, bus_client: redis.Redis, tasks_client: redis.Redis, poll: Callable[..., Any]
) -> Journey:
    return Journey(fresh_database, bus_client, tasks_client, poll)


class TestCommand:
    def test_without_configuration_it_says_what_is_missing(self) -> None:
        result = subprocess.run([COMMAND, "all"], env={}, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 78
        for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY"):
            assert f"{name}: is missing" in result.stderr

    def test_check_tells_whether_it_could_work(self, environment: dict[str, str], tmp_path: Path) -> None:
        def check(**changes: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [COMMAND, "check"],
                env=environment | changes,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        good = check()
        assert (good.returncode, good.stdout.count(": ok")) == (0, 3)
        bad = check(BROKER_URL=f"redis+socket://{tmp_path}/none.sock?virtual_host=1")
        assert (bad.returncode, bad.stdout.count("FAILED")) == (1, 1)

    def test_told_to_end_while_it_waits_for_the_database_it_ends(
        self, start: Callable[..., Worker], tmp_path: Path, poll: Callable[..., Any]
    ) -> None:
        worker = start("all", DATABASE_URL=f"postgresql://nobody@/h?host={tmp_path}")
        poll(lambda: "waiting_for_database" in worker.log(), "waiting")
        assert worker.terminate() == 0


class TestAll:
    def test_a_reply_is_mailed_once_and_the_log_follows_the_request(
        self, start: Callable[..., Worker], journey: Journey, make_thread: Callable[..., Any], mail: Any
    ) -> None:
        worker = start("all")
        journey.record_reply(make_thread)
        with journey.database.transaction() as session:
            user = make_user(session, username="new", activated_at=None)
            outbox.record(session, UserRegistered(occurred_at=SystemClock().now(), user_id=user.id))
        journey.poll(lambda: len(mail.messages) == 2, "both mails")
        assert set(mail.recipients) == {"ann@example.org", "new@example.org"}
        journey.publish_again()
        assert worker.terminate() == 0
        assert len(mail.messages) == 2
        sent = [line for line in worker.log().splitlines() if '"mail_sent"' in line and '"reply"' in line]
        assert len(sent) == 1
        assert '"request_id":"request-7"' in sent[0]
        assert "ann@example.org" not in worker.log()

    def test_an_outage_of_the_mail_server_is_ridden_out(
        self, start: Callable[..., Worker], journey: Journey, make_thread: Callable[..., Any], stopped_mail: Any
    ) -> None:
        worker = start("all")
        journey.record_reply(make_thread)
        journey.poll(lambda: journey.count(OutboxEvent, OutboxEvent.attempts >= 2), "tried twice")
        assert journey.count(Notification) == 0
        stopped_mail.start()
        mail = stopped_mail.handler
        journey.poll(lambda: mail.messages, "the mail")
        assert worker.terminate() == 0
        assert len(mail.messages) == 1
        assert journey.count(Notification) == 1
        assert journey.count(DeadLetter) == 0

    def test_killed_while_it_sends_it_sends_again_under_the_same_id(
        self, start: Callable[..., Worker], journey: Journey, make_thread: Callable[..., Any], mail: Any
    ) -> None:
        mail.hold.clear()
        worker = start("all")
        journey.record_reply(make_thread)
        assert mail.receiving.wait(30)
        worker.kill()
        mail.hold.set()
        assert journey.count(Notification) == 0
        restarted = start("all")
        journey.poll(lambda: len(mail.messages) == 2, "sent again")
        journey.publish_again()
        assert restarted.terminate() == 0
        assert len(mail.messages) == 2
        assert len({message["Message-ID"] for message in mail.messages}) == 1
        assert journey.count(Notification) == 1

    def test_told_to_end_it_finishes_the_mail_in_hand(
        self, start: Callable[..., Worker], journey: Journey, make_thread: Callable[..., Any], mail: Any
    ) -> None:
        mail.hold.clear()
        worker = start("all")
        journey.record_reply(make_thread)
        assert mail.receiving.wait(30)
        worker.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.process.wait(3)
        mail.hold.set()
        assert worker.process.wait(30) == 0
        assert journey.count(Notification) == 1
        assert (journey.tasks.llen("h.celery.in-hand"), journey.tasks.llen("h.celery")) == (0, 0)


class TestRoles:
    def test_a_process_a_role_does_the_same(
        self, start: Callable[..., Worker], journey: Journey, make_thread: Callable[..., Any], mail: Any
    ) -> None:
        workers = [start(role) for role in ("relay", "consume", "run", "beat")]
        journey.record_reply(make_thread)
        journey.poll(lambda: mail.messages, "the mail", 60)
        with journey.database.transaction() as session:
            session.execute(update(OutboxEvent).values(published_at=SystemClock().now().replace(year=2020)))
            # As if those that the first beat has queued had run an hour ago.
            session.execute(update(PeriodicRun).values(started_at=PeriodicRun.started_at - timedelta(hours=1)))
        start("beat")  # queues the periodic tasks at its start
        journey.poll(lambda: journey.count(OutboxEvent) == 0, "purged", 60)
        assert [worker.terminate() for worker in workers] == [0, 0, 0, 0]
        assert len(mail.messages) == 1
