"""The command, as an operator runs it, on a real database and a real broker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from hcommon.bus.publisher import Publisher
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationCreated
from hcommon.models import SearchDocument
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user
from hstandalone.valkey import EmbeddedValkey
from sqlalchemy import func, select

BROKER_DB = 8
PATIENCE_SECONDS = 30
MOST_MEMORY_KB = 90_000


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, "the indexer ended"
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


@pytest.fixture
def environment(fresh_database_url: str, valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[dict[str, str]]:
    yield os.environ | {  # noqa: TID251 - the command gets ours beside its own
        "DATABASE_URL": fresh_database_url,
        "BROKER_URL": valkey.broker_url(BROKER_DB),
        "INDEXER_HEARTBEAT_FILE": str(tmp_path / "heartbeat"),
        "INDEXER_BATCH_MILLISECONDS": "200",
    }
    with redis.Redis.from_url(valkey.url(BROKER_DB)) as client:
        client.flushdb()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from hindexer.main import main; main()", *arguments]


@pytest.fixture
def indexer(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A running indexer that has its queue."""
    process = subprocess.Popen(command(), env=environment)
    try:
        heartbeat = Path(environment["INDEXER_HEARTBEAT_FILE"])
        wait_for(heartbeat.exists, process)
        yield process
    finally:
        process.terminate()  # so that it can write down what was covered
        process.wait(PATIENCE_SECONDS)


def check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command("check"), env=environment, capture_output=True, text=True, check=False)


def create(database: Database, number: int) -> list[UUID]:
    with database.transaction() as session:
        user = make_user(session)
        return [make_annotation(session, user=user).id for _ in range(number)]


def publish(broker_url: str, ids: list[UUID], **changes: Any) -> None:
    with Publisher(broker_url) as publisher:
        for annotation_id in ids:
            event = AnnotationCreated(occurred_at=START, annotation_id=annotation_id, revision=1)
            values: dict[str, Any] = {
                "event_type": event.TYPE,
                "payload": event.model_dump(mode="json"),
                "consumer": None,
                "attempts": 0,
            }
            publisher.publish(**(values | changes))


def indexed(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(SearchDocument)).scalar_one()


class TestRunning:
    def test_published_annotations_are_indexed_and_sigterm_finishes_the_batch(
        self, indexer: subprocess.Popen[bytes], environment: dict[str, str], fresh_database: Database
    ) -> None:
        ids = create(fresh_database, 30)
        publish(environment["BROKER_URL"], ids[:1], event_type="annotation.exploded", consumer="indexer")
        publish(environment["BROKER_URL"], ids[:20])
        wait_for(lambda: indexed(fresh_database) == 20, indexer)
        publish(environment["BROKER_URL"], ids[20:])
        wait_for(lambda: indexed(fresh_database) == 30, indexer)
        indexer.send_signal(signal.SIGTERM)
        assert indexer.wait(PATIENCE_SECONDS) == 0

    @pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")
    def test_an_idle_one_takes_little_memory(self, indexer: subprocess.Popen[bytes]) -> None:
        rollup = Path(f"/proc/{indexer.pid}/smaps_rollup").read_text(encoding="ascii")
        (line,) = (line for line in rollup.splitlines() if line.startswith("Pss:"))
        assert int(line.split()[1]) < MOST_MEMORY_KB

    def test_sigterm_ends_one_that_waits_for_its_database(self, environment: dict[str, str]) -> None:
        environment |= {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command(), env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            while "waiting_for_database" not in process.stderr.readline():
                assert process.poll() is None
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0


class TestChecking:
    def test_a_working_indexer_is_well(self, indexer: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
        done = check(environment)
        assert done.returncode == 0
        assert f"database: ok (schema {schema.REVISION})" in done.stdout
        assert "heartbeat: ok" in done.stdout

    def test_without_one_it_fails(self, environment: dict[str, str]) -> None:
        done = check(environment)
        assert done.returncode == 1
        assert "database: ok" in done.stdout
        assert "heartbeat: FAILED" in done.stdout


class TestSettings:
    def test_what_is_missing_is_named(self, environment: dict[str, str]) -> None:
        del environment["DATABASE_URL"]
        done = check(environment)
        assert done.returncode == 78
        assert "DATABASE_URL: is missing" in done.stderr
