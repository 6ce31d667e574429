"""Scenarios of the websocket service: one process of its own, and a crowd of clients in ours.

Events go in as the web service records them, as rows of the outbox, so that relay, broker and database work as they
do in production; only the latency is measured from HTTP answers. Processor time is that of the websocket process
alone: unlike rates it hardly depends on who else uses the machine.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import httpx2
import load
import psycopg2
import system
from crowd import Crowd, Member
from hcommon import ids
from hcommon.events.annotations import AnnotationUpdated
from hcommon.testing.ports import free_port
from hcommon.tokens import hash_token, new_token
from populate import World, page_url

IDLE = 5_000
CONNECTED = 10_000
SAMPLES = 60
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 30


@dataclass
class SocketProcess:
    """An `h-websocket` of our own, beside that of the system."""

    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Return the address of its socket."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def rss_kb(self) -> int:
        """Return its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time that it has used, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def wait_until_ready(self) -> None:
        """Return when it consumes events."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("h-websocket did not become ready.")


@contextmanager
def socket_process(running: system.System, *, port: int | None = None, **variables: str) -> Iterator[SocketProcess]:
    """Run an `h-websocket` with the system's settings and these; return at once, before it is ready."""
    port = port or free_port()
    named = {"WEBSOCKET_PORT": str(port), "INSTANCE": f"bench-{port}"} | variables
    environment = os.environ | running.environment | named  # noqa: TID251 - a tool, not a service
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a second start is to be as fast as that of an installed program
    process = subprocess.Popen([Path(sys.executable).with_name("h-websocket")], env=environment, stderr=sys.stderr)
    try:
        yield SocketProcess(environment, port, process)
    finally:
        process.kill()
        process.wait()


def measure(running: system.System, world: World, *, only: str) -> list[tuple[str, str]]:
    """Measure every scenario whose name contains `only`."""
    scenarios: dict[str, Callable[[system.System, World], str]] = {
        "sockets: an idle anonymous one": _idle_anonymous,
        "sockets: an idle signed-in one": _idle_signed_in,
        "sockets: reconnects after a restart": _restart,
        "sockets: burst to 200 signed in": _burst_signed_in,
        "sockets: burst to 500 anonymous": _burst_anonymous,
        "sockets: one event to 2 000": _latency,
        "sockets: work an event, by how many do not match": _growth,
    }
    rows = []
    for name, scenario in scenarios.items():
        if only in name:
            rows.append((name, scenario(running, world)))
            print(rows[-1], file=sys.stderr)
    return rows


def _idle_anonymous(running: system.System, _: World) -> str:
    return _idle(running, tokens=[None])


def _idle_signed_in(running: system.System, _: World) -> str:
    return _idle(running, tokens=list(_sign_in(running, IDLE)))


def _idle(running: system.System, *, tokens: list[str | None]) -> str:
    with socket_process(running) as server:
        server.wait_until_ready()
        crowd = _crowd(running, server)
        crowd.join(_members(10, tokens=tokens))  # what the first ones alone need is not a socket's
        before = server.rss_kb
        crowd.join(_members(IDLE, tokens=tokens))
        grown = server.rss_kb - before
        crowd.leave()
    return f"{grown / IDLE:.1f} kB RSS of {IDLE:,}"


def _sign_in(running: system.System, count: int) -> list[str]:
    """Make this many tokens, of all users in turn, each a member of five groups; return them in clear."""
    tokens = [new_token("5768-") for _ in range(count)]
    grants = [str(uuid4()) for _ in tokens]
    now = datetime.now(UTC)  # noqa: TID251 - a tool, not a service
    with (
        closing(psycopg2.connect(running.environment["DATABASE_URL"])) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT id FROM \"user\" WHERE username LIKE 'bench%' ORDER BY id")
        users = [row[0] for row in cursor.fetchall()]
        for number in range(20):
            cursor.execute(
                'INSERT INTO "group" '
                "(pubid, authority, name, joinable_by, readable_by, writeable_by, created, updated) "
                "SELECT %s, authority, %s, 'authority', 'members', 'members', %s, %s FROM \"user\" WHERE id = %s "
                "RETURNING id",
                (ids.new_pubid(ids.GROUP_PUBID_LENGTH), f"Bench {number}", now, now, users[0]),
            )
            (group,) = cursor.fetchone() or (None,)
            members = users[number % 4 :: 4]
            cursor.execute(
                "INSERT INTO group_membership (user_id, group_id, role, created, updated) "
                "SELECT unnest(%s), %s, 'member', %s, %s",
                (members, group, now, now),
            )
        cursor.execute(
            'INSERT INTO "grant" (id, user_id, source, created) SELECT unnest(%s::uuid[]), unnest(%s), %s, %s',
            (grants, [users[number % len(users)] for number in range(count)], "code", now),
        )
        cursor.execute(
            "INSERT INTO token (grant_id, access_hash, created) SELECT unnest(%s::uuid[]), unnest(%s), %s",
            (grants, [hash_token(token) for token in tokens], now),
        )
    return tokens


def _restart(running: system.System, _: World) -> str:
    """Drain a process with signed-in clients, start the next, and let all come back in one moment: the worst case."""
    tokens: list[str | None] = list(_sign_in(running, IDLE))
    with socket_process(running) as server:
        server.wait_until_ready()
        crowd = _crowd(running, server)
        crowd.join(_members(IDLE, tokens=tokens))
        told = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        crowd.run(lambda: len(crowd.closes) >= IDLE, seconds=30)
        codes = {code for _, code in crowd.closes}
        first, last = crowd.closes[0][0] - told, crowd.closes[-1][0] - told
        server.process.wait(30)
    with socket_process(running, port=server.port) as server:
        started = time.perf_counter()
        server.wait_until_ready()
        ready = time.perf_counter() - started
        before = server.cpu_seconds
        took = crowd.join(_members(IDLE, tokens=tokens))
        cpu = server.cpu_seconds - before
        crowd.leave()
    return (
        f"{IDLE:,} signed in, closed with {codes} after {first:.1f} to {last:.1f} s; next ready in {ready:.1f} s, "
        f"all served {took:.1f} s later, {cpu / IDLE * 1e6:.0f} µs CPU each"
    )


def _burst_signed_in(running: system.System, world: World) -> str:
    return _burst(running, tokens=list(world.tokens), sockets=200, events=400)


def _burst_anonymous(running: system.System, _: World) -> str:
    return _burst(running, tokens=[None], sockets=500, events=200)


def _burst(running: system.System, *, tokens: list[str | None], sockets: int, events: int) -> str:
    with socket_process(running) as server:
        server.wait_until_ready()
        crowd = _crowd(running, server)
        crowd.join([Member(token, page_url(0)) for token in _cycle(tokens, sockets)])
        deliver(running, crowd, events=events // 10, each=sockets)
        before = server.cpu_seconds
        crowd.timed = True
        deliver(running, crowd, events=events, each=sockets)
        cpu = server.cpu_seconds - before
        took = crowd.arrivals[-1] - crowd.arrivals[0]
        crowd.leave()
    total = events * sockets
    return f"{total / took:,.0f} deliveries/s of {events} events, {cpu / total * 1e6:.1f} µs CPU each"


def _latency(running: system.System, world: World) -> str:
    """Measure from each HTTP answer to each arrival; an arrival before the answer counts as 0."""
    page = page_url(0)
    half = [Member(token, page) for token in _cycle(list(world.tokens), 1000)]
    lags: list[float] = []
    whole: list[float] = []
    with socket_process(running) as server:
        server.wait_until_ready()
        crowd = _crowd(running, server)
        crowd.join([*half, *(Member(None, page) for _ in range(1000))])
        crowd.timed = True
        # A process of its own: a thread of ours would learn of the answer only after the crowd has read its frames.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as author:
            for number in range(SAMPLES + 5):
                crowd.arrivals.clear()
                posted = author.submit(_post, running.url, world.tokens[0], load.annotation(page, f"note {number}"))
                crowd.run(lambda posted=posted: len(crowd.arrivals) >= 2000 and posted.done(), seconds=20)  # type: ignore[misc] # noqa: PLR2004
                sent, answered = posted.result()
                if number >= 5:  # noqa: PLR2004 - the first ones warm up
                    lags += [max(0.0, arrival - answered) * 1000 for arrival in crowd.arrivals]
                    whole += [(arrival - sent) * 1000 for arrival in crowd.arrivals]
        crowd.leave()
    return f"after the HTTP answer {_percentiles(lags)}; after the request {_percentiles(whole)}"


def _percentiles(milliseconds: list[float]) -> str:
    cuts = statistics.quantiles(milliseconds, n=100)
    return f"p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms"


def _post(url: str, token: str, body: dict[str, object]) -> tuple[float, float]:
    """Create an annotation; return when it was sent and answered, by the clock that all processes share."""
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        sent = time.perf_counter()
        answer = client.post("/api/annotations", json=body)
        answered = time.perf_counter()
    answer.raise_for_status()
    return sent, answered


def _growth(running: system.System, world: World) -> str:
    """Compare processor time an event with 10 sockets that match, alone and among others."""
    events, each, found = 1000, 10, []
    for others in (0, CONNECTED - each):
        # No pings: they are work of the sockets, not of the events.
        with socket_process(running, WEBSOCKET_PING_INTERVAL_SECONDS="3600") as server:
            server.wait_until_ready()
            crowd = _crowd(running, server)
            crowd.join([Member(world.tokens[number], page_url(0)) for number in range(each)])
            crowd.join(_members(others, tokens=[None, *world.tokens]), seconds=120)
            deliver(running, crowd, events=50, each=each)
            crowd.run(_after(2), seconds=10)
            before = server.cpu_seconds
            deliver(running, crowd, events=events, each=each)
            cpu = server.cpu_seconds - before
            found.append(f"{cpu / events * 1e6:.0f} µs CPU with {each + others:,} connected")
            crowd.leave()
    return f"{each} match: {', '.join(found)}"


def deliver(running: system.System, crowd: Crowd, *, events: int, each: int) -> None:
    """Record events of annotations of the first page and read until all of them have arrived everywhere."""
    wanted = crowd.notified + events * each
    now = datetime.now(UTC)  # noqa: TID251 - a tool, not a service
    with (
        closing(psycopg2.connect(running.environment["DATABASE_URL"])) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT id FROM annotation WHERE target_uri = %s AND NOT deleted ORDER BY id LIMIT %s", (page_url(0), 200)
        )
        rows = [row[0] for row in cursor.fetchall()]
        for number in range(events):
            event = AnnotationUpdated(occurred_at=now, annotation_id=rows[number % len(rows)], revision=1)
            cursor.execute(
                "INSERT INTO outbox (event_id, type, payload, occurred_at, due_at) VALUES (%s, %s, %s, %s, %s)",
                (str(event.id), event.TYPE, event.model_dump_json(), now, now),
            )
    crowd.run(lambda: crowd.notified >= wanted, seconds=120)


def _crowd(running: system.System, server: SocketProcess) -> Crowd:
    return Crowd([server.url], origin=running.environment["APP_URL"])


def _members(count: int, *, tokens: list[str | None]) -> list[Member]:
    """Return clients that look at pages on which nothing happens, each at another."""
    return [
        Member(token, f"https://quiet.example/{ids.new_pubid(12)}/{number}")
        for number, token in enumerate(_cycle(tokens, count))
    ]


def _cycle(tokens: list[str | None], count: int) -> list[str | None]:
    return [tokens[number % len(tokens)] for number in range(count)]


def _after(seconds: float) -> Callable[[], bool]:
    until = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= until
