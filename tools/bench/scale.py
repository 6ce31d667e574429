"""What a second container of each service brings: measures what `make up` runs with one and with two of each.

With `RATE_LIMITS=false`, `PAGE_CACHE_MB=0`, two ports each for web and websocket (docs/how-to/scale.md) and no
`MAIL_HOST` in compose/.env: `make up`, then `tools/bench/scale.py`. It fills the installation with invented
annotations: run it on one that you throw away (`docker compose down --volumes`).

Only the service under measurement runs, the others are paused. A queue is filled while those who empty it are paused,
and timed from 80 % to 20 % of it, so that neither start nor end counts. Processor time is that of the containers.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import kombu
import load
import psycopg2
import sockets
from containers import Containers, addresses, compose, identities, settings
from crowd import Crowd, Member
from hcommon.events.annotations import AnnotationCreated, AnnotationEvent, AnnotationUpdated
from populate import World, page_url, populate
from psycopg2.extras import execute_values

QUEUED = ("relay", "consumer", "worker", "indexer")
SERVICES = ("web", "websocket", *QUEUED)
PAGES = 2_000
SOCKETS = 500
FEW = 10
FROM, TO = 0.8, 0.2
LONGEST_SECONDS = 300
_GROUPS = ("/sys/fs/cgroup/cpuacct/docker/{}/cpuacct.usage", "/sys/fs/cgroup/system.slice/docker-{}.scope/cpu.stat")
_TICKS = os.sysconf("SC_CLK_TCK")

Used = dict[str, list[float]]
"""Seconds of processor time of each container of each service."""


@dataclass(frozen=True)
class Reading:
    """When, and what was used until then.

    Attributes:
        busy: Seconds of processor time of everything on the machine, the load generator among it.
    """

    at: float
    used: Used
    busy: float


Sample = tuple[int, Reading]
"""How many were left, and what was used until then."""


@dataclass(frozen=True)
class Figure:
    """What was measured: items a second, milliseconds of processor time an item, and how many cores were busy."""

    rate: float
    milliseconds: dict[str, list[float]]
    cores: float


class Meter:
    """Reads the processor time of the containers of services."""

    def __init__(self, *services: str) -> None:
        """Find the control groups."""
        self._groups = {service: [_group(container) for container in identities(service)] for service in services}

    def read(self) -> Reading:
        """Return what was used until now."""
        used = {service: [_seconds(group) for group in groups] for service, groups in self._groups.items()}
        user, nice, system, _idle, _iowait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
        return Reading(time.perf_counter(), used, (user + nice + system + irq + softirq) / _TICKS)

    def figure(self, before: Reading, *, items: float, seconds: float | None = None) -> Figure:
        """Return what was measured since a reading."""
        return between(before, self.read(), items=items, seconds=seconds)


def between(before: Reading, after: Reading, *, items: float, seconds: float | None = None) -> Figure:
    """Return what so many items took; `seconds` if they were fewer than between the readings."""
    spent = {
        service: sorted(
            ((end - start) * 1000 / items for start, end in zip(before.used[service], used, strict=True)), reverse=True
        )
        for service, used in after.used.items()
    }
    elapsed = after.at - before.at
    return Figure(items / (seconds or elapsed), spent, (after.busy - before.busy) / elapsed)


def main() -> None:
    """Fill, then measure with one and two containers of everything in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=20_000)
    parser.add_argument("--replies", type=int, default=3_000, help="how many of them reply to another")
    parser.add_argument("--seconds", type=int, default=8, help="for each rate of web")
    parser.add_argument("--turns", type=int, default=3, help="of one and two containers each; the medians are printed")
    options = parser.parse_args()
    variables = settings()
    running = Containers(
        url=f"http://{addresses('web')[0]}:5000",
        environment={
            "APP_URL": variables["APP_URL"],
            "DATABASE_URL": f"postgresql://h:{variables['POSTGRES_PASSWORD']}@{addresses('postgres')[0]}:5432/h",
            "BROKER_URL": f"amqp://h:{variables['RABBITMQ_PASSWORD']}@{addresses('rabbitmq')[0]}:5672/h",
        },
        pid=0,
        first_start_seconds=0.0,
    )
    world = populate(
        running.environment["DATABASE_URL"],
        annotations=options.annotations,
        pages=options.annotations // 10,
        authority=variables.get("AUTHORITY", "localhost"),
    )
    installation = Installation(running, world, replies=options.replies, seconds=options.seconds)
    print(running.run("h", "search", "reindex"), file=sys.stderr)
    compose("stop", "beat")
    found: dict[str, dict[int, list[Figure]]] = {}
    for _ in range(options.turns):
        for number in (1, 2):
            for name, figure in installation.measured(number):
                print(number, name, _shown_rate([figure]), _shown_cost([figure]), file=sys.stderr, flush=True)
                found.setdefault(name, {}).setdefault(number, []).append(figure)
    print("| what | with 1 | with 2 | times | milliseconds of processor time each, with 1 | with 2 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, columns in found.items():
        one, two = (_rate(columns[number]) for number in (1, 2))
        cells = [name, *map(_shown_rate, columns.values()), f"{two / one:.2f}", *map(_shown_cost, columns.values())]
        print("| " + " | ".join(cells) + " |")


class Installation:
    """What `make up` runs, filled."""

    def __init__(self, running: Containers, world: World, *, replies: int, seconds: int) -> None:
        """Make some of the annotations replies: of those somebody is told."""
        self._running = running
        self._world = world
        self._seconds = seconds
        self._every = [UUID(row[0]) for row in self._sql("SELECT id FROM annotation ORDER BY id")]
        self._replies = [UUID(row[0]) for row in self._sql(_MAKE_REPLIES, replies)]

    def measured(self, number: int) -> Iterator[tuple[str, Figure]]:
        """Yield each measurement with so many containers of every service."""
        scales = [word for service in SERVICES for word in ("--scale", f"{service}={number}")]
        compose("stop", *SERVICES)  # one that was paused is taken to be ill for half a minute
        compose("up", "--detach", "--no-build", "--no-deps", "--no-recreate", "--wait", *scales, *SERVICES)
        with _paused(*QUEUED, "websocket"):
            pages = [load.search_path(page) for page, _ in self._world.pages[:PAGES]]
            yield "web: page search, not from memory", self._requests(pages, None)
            yield "web: profile", self._requests(["/api/profile"], self._world.tokens[1])
        with _paused("consumer", "worker", "indexer"):
            yield f"websocket: deliveries to {SOCKETS} sockets", self._deliveries(SOCKETS, events=1000)
            yield (
                f"websocket: events that {FEW} sockets are told of",
                self._deliveries(FEW, events=3000, per_event=True),
            )
        compose("stop", "websocket")
        with _paused(*QUEUED):
            yield "relay: events", _slope(self._relay(AnnotationUpdated, self._every))
            yield "indexer: events", self._drained("indexer", "h.indexer", "postgres", "rabbitmq", "elasticsearch")
            yield "consumer: events that concern nobody", self._drained("consumer", "h.worker", "postgres", "rabbitmq")
            self._sql("WITH gone AS (DELETE FROM notification RETURNING 1) SELECT count(*) FROM gone")
            self._relay(AnnotationCreated, self._replies)
            self._drain("indexer", "h.indexer")
            yield "consumer: replies, a task each", self._drained("consumer", "h.worker", "postgres", "rabbitmq")
            yield "worker: tasks, a mail that is dropped", self._drained("worker", "h.celery", "postgres", "rabbitmq")

    def _requests(self, paths: list[str], token: str | None) -> Figure:
        urls = [f"http://{address}:5000" for address in addresses("web")]

        def rate(url: str, seconds: int) -> load.Rate:
            return load.get(url, paths, token=token, seconds=seconds, connections=load.CONNECTIONS // len(urls))

        meter = Meter("web", "postgres")
        with ThreadPoolExecutor(len(urls)) as pool:
            list(pool.map(rate, urls, [2] * len(urls)))
            before = meter.read()
            rates = list(pool.map(rate, urls, [self._seconds] * len(urls)))
        if any(found.failed for found in rates):
            raise SystemExit(f"Requests failed: {rates}")
        items = sum(found.per_second for found in rates) * self._seconds
        return meter.figure(before, items=items, seconds=self._seconds)

    def _deliveries(self, count: int, *, events: int, per_event: bool = False) -> Figure:
        """Tell sockets of events; items are deliveries, or events, which every process hears."""
        tokens = self._world.tokens
        crowd = Crowd(
            [f"ws://{address}:5001/ws" for address in addresses("websocket")],
            origin=self._running.environment["APP_URL"],
        )
        crowd.join([Member(tokens[number % len(tokens)], page_url(0)) for number in range(count)])
        sockets.deliver(self._running, crowd, events=events // 10, each=count)
        meter = Meter("websocket", "postgres", "rabbitmq")
        crowd.timed = True
        before = meter.read()
        sockets.deliver(self._running, crowd, events=events, each=count)
        took = crowd.arrivals[-1] - crowd.arrivals[0]
        found = meter.figure(before, items=events if per_event else events * count, seconds=took)
        crowd.leave()
        return found

    def _relay(self, event_class: type[AnnotationEvent], annotations: list[UUID]) -> list[Sample]:
        """Record events of annotations, whose revisions grow so that they are indexed again, and publish them."""
        now = datetime.now(UTC)  # noqa: TID251 - a tool, not a service
        raised = self._sql(_RAISE_REVISIONS, [str(annotation) for annotation in annotations])
        events = [event_class(occurred_at=now, annotation_id=UUID(key), revision=value) for key, value in raised]
        with closing(psycopg2.connect(self._running.environment["DATABASE_URL"])) as connection:
            with connection, connection.cursor() as cursor:
                execute_values(
                    cursor,
                    "INSERT INTO outbox (event_id, type, payload, occurred_at, due_at) VALUES %s",
                    [(str(event.id), event.TYPE, event.model_dump_json(), now, now) for event in events],
                    page_size=1000,
                )
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE annotation, outbox")

                def left() -> int:
                    cursor.execute("SELECT count(*) FROM outbox WHERE published_at IS NULL")
                    return int((cursor.fetchone() or (0,))[0])

                return _emptied(left, "relay", "postgres", "rabbitmq")

    def _drained(self, service: str, queue: str, *stores: str) -> Figure:
        """Let a service empty its queue, and return what it did."""
        return _slope(self._drain(service, queue, *stores))

    def _drain(self, service: str, queue: str, *stores: str) -> list[Sample]:
        with kombu.Connection(self._running.environment["BROKER_URL"]) as connection:
            declared = kombu.Queue(queue)(connection.default_channel)
            return _emptied(lambda: declared.queue_declare(passive=True).message_count, service, *stores)

    def _sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with (
            closing(psycopg2.connect(self._running.environment["DATABASE_URL"])) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)
            return cursor.fetchall()


def _emptied(left: Callable[[], int], service: str, *stores: str) -> list[Sample]:
    """Let a paused service work until nothing is left."""
    meter = Meter(service, *stores)
    deadline = time.monotonic() + LONGEST_SECONDS
    samples = [(left(), meter.read())]
    compose("unpause", service)
    while samples[-1][0]:
        if time.monotonic() > deadline:
            raise SystemExit(f"{service} has left {samples[-1][0]} of {samples[0][0]}.")
        time.sleep(0.1)
        samples.append((left(), meter.read()))
    time.sleep(1)  # what is in hand is finished
    compose("pause", service)
    return samples


def _slope(samples: list[Sample]) -> Figure:
    """Return what was done between 80 % and 20 % of what there was to do."""
    first, last = (next(sample for sample in samples if sample[0] <= samples[0][0] * part) for part in (FROM, TO))
    return between(first[1], last[1], items=first[0] - last[0])


@contextmanager
def _paused(*services: str) -> Iterator[None]:
    """Stop the clock of services."""
    compose("pause", *services)
    try:
        yield
    finally:
        compose("unpause", *services)


_MAKE_REPLIES = """
WITH parent AS (SELECT DISTINCT ON (target_uri_hash) id, target_uri_hash, user_id FROM annotation ORDER BY 2, 1)
UPDATE annotation SET "references" = ARRAY[parent.id] FROM parent WHERE annotation.id IN (
    SELECT reply.id FROM annotation reply JOIN parent USING (target_uri_hash)
    WHERE reply.user_id <> parent.user_id ORDER BY reply.id LIMIT %s
) AND parent.target_uri_hash = annotation.target_uri_hash RETURNING annotation.id
"""

_RAISE_REVISIONS = "UPDATE annotation SET revision = revision + 1 WHERE id = ANY(%s::uuid[]) RETURNING id, revision"


def _group(container: str) -> Path:
    for pattern in _GROUPS:
        if (path := Path(pattern.format(container))).exists():
            return path
    raise SystemExit("No control group of a container was found.")


def _seconds(group: Path) -> float:
    text = group.read_text()
    return int(text) / 1e9 if group.name == "cpuacct.usage" else int(text.split()[1]) / 1e6


def _rate(figures: list[Figure]) -> float:
    return statistics.median(figure.rate for figure in figures)


def _shown_rate(figures: list[Figure]) -> str:
    cores = statistics.median(figure.cores for figure in figures)
    rate = f"{_rate(figures):,.0f}".replace(",", " ")
    return f"{rate}/s, {cores:.1f} cores busy"


def _shown_cost(figures: list[Figure]) -> str:
    """Return the medians; of several containers the busiest comes first."""
    parts = []
    for service in figures[0].milliseconds:
        columns = zip(*(figure.milliseconds[service] for figure in figures), strict=True)
        parts.append(f"{service} " + " + ".join(_short(statistics.median(column)) for column in columns))
    return ", ".join(parts)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.2g}" if milliseconds < 1 else f"{milliseconds:.1f}"


if __name__ == "__main__":
    main()
