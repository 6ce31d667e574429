"""`make bench`: measures a system of its own and prints the table of docs/performance.md.

Figures of different runs on a shared machine differ by a fifth and more; compare within one run.
"""

import argparse
import asyncio
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import load
import psycopg2
import sockets
import system
from populate import TAGS, VOCABULARY, World, populate
from rich.console import Console
from rich.table import Table

console = Console(stderr=True)


def main() -> None:
    """Measure everything and print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=20_000)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=2, help="web processes")
    parser.add_argument("--seconds", type=int, default=8, help="for each rate")
    parser.add_argument("--only", default="", help="measure only rows whose name contains this")
    options = parser.parse_args()
    with system.running(workers=options.workers) as running:
        console.print(f"first start {running.first_start_seconds:.1f} s; filling …")
        idle = system.memory(running.pid)
        world = populate(
            running.environment["DATABASE_URL"],
            annotations=options.annotations,
            pages=options.pages,
            authority="localhost",
        )
        started = time.monotonic()
        running.run("h", "search", "reindex")
        console.print(f"reindexed {options.annotations / (time.monotonic() - started):.0f} documents/s")
        rows = measure(running, world, seconds=options.seconds, only=options.only)
        rows += sockets.measure(running, world, only=options.only)
    rows += [(f"idle memory, {name}", f"{megabytes:.0f} MB") for name, megabytes in sorted(idle.items())]
    rows.append(("idle memory, everything", f"{sum(idle.values()):.0f} MB"))
    rows.append(("first start to the first 200", f"{running.first_start_seconds:.1f} s"))
    _print(rows)


def measure(running: system.System, world: World, *, seconds: int, only: str) -> list[tuple[str, str]]:
    """Measure every rate and latency but those of many sockets."""
    url, token = running.url, world.tokens[1]
    busy = [page for page, count in world.pages if count >= 50]  # noqa: PLR2004 - a full first page
    pages = [load.search_path(page) for page in busy]
    badge = [f"/api/badge?uri={quote(page, safe='')}" for page, _ in world.pages[:500]]
    unknown = [f"/api/badge?uri=https%3A%2F%2Funknown.example%2F{number}" for number in range(500)]
    by_id = [f"/api/annotations/{item}" for item in world.annotation_ids]
    # Of 20 000 annotations some 120 to 720 have one of these words, and some 100 one of these tags.
    words = [f"/api/search?any={VOCABULARY[rank]}&limit=20" for rank in (150, 300, 600, 900)]
    tags = [f"/api/search?tag={tag}&limit=20" for tag in TAGS[:20]]
    users = [f"/api/search?user={userid}&limit=20" for userid in world.userids[:20]]
    groups = f"/api/groups?document_uri={quote(world.pages[0][0], safe='')}&expand=organization&expand=scopes"
    cases = {
        "page search, 50 rows, anonymous": (pages, None),
        "page search, 50 rows, logged in": (pages, token),
        "badge, annotated page": (badge, None),
        "badge, unknown page": (unknown, None),
        "annotation by id": (by_id, None),
        "profile, logged in": (["/api/profile"], token),
        "groups, logged in": ([groups], token),
        "search by word": (words, None),
        "search by tag": (tags, None),
        "search by user": (users, None),
    }
    rows = []
    for name, (paths, who) in cases.items():
        if only in name:
            rows.append((name, _rate(load.get(url, paths, token=who, seconds=seconds))))
            console.print(rows[-1])
    name = "page search that the client has already, 304"
    if only in name:
        known = load.etag(url, pages[0])
        rows.append((name, _rate(load.get(url, pages[:1], known=known, seconds=seconds))))
    if only in "create":
        rows += _create(running, world, seconds)
    if only in "latency":
        socket_url = running.environment["WEBSOCKET_URL"]
        noticed = asyncio.run(load.notification_latency(url, socket_url, world))
        rows.append(("create to notification on a socket", _latency(noticed)))
        found = asyncio.run(load.searchable_latency(url, world))
        rows.append(("create to found by `any=`", _latency(found)))
    return rows


def _create(running: system.System, world: World, seconds: int) -> list[tuple[str, str]]:
    rate = load.create(running.url, world, seconds=seconds)
    ended = time.monotonic()
    with closing(psycopg2.connect(running.environment["DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT count(*) FROM outbox WHERE published_at IS NULL AND consumer IS NULL")
                if cursor.fetchone() == (0,):
                    break
                time.sleep(0.02)
    drained = time.monotonic() - ended
    return [("create", _rate(rate)), ("outbox drained after the last create", f"{drained:.2f} s")]


def _rate(rate: load.Rate) -> str:
    failed = f", {rate.failed} failed" if rate.failed else ""
    return f"{rate.per_second:.0f}/s (p50 {rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms{failed})"


def _latency(latency: load.Latency) -> str:
    return f"p50 {latency.p50_ms:.0f} ms, p95 {latency.p95_ms:.0f} ms"


def _print(rows: list[tuple[str, str]]) -> None:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    table = Table("what", "measured", title=model)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    print("| what | measured |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
