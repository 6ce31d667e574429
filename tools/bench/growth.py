"""What grows with the number of annotations: fills systems of several sizes, measures each and prints one table.

`python tools/bench/growth.py 20000 200000 1000000`. Pages and users grow along: ten annotations a page, a hundred a
user. Pages are not kept in memory (`PAGE_CACHE_MB=0`), so that every page search takes its whole way.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

import load
import psycopg2
import system
from populate import TAGS, VOCABULARY, World, populate
from rich.console import Console

SECONDS = 6
PAGES = 2_000
CREATES_UNTIL_QUIET_SECONDS = 3

console = Console(stderr=True)


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="+", help="numbers of annotations")
    parser.add_argument("--workers", type=int, default=2, help="web processes")
    options = parser.parse_args()
    columns = [_measured(size, workers=options.workers) for size in options.sizes]
    print("| what | " + " | ".join(f"{size:,}".replace(",", " ") for size in options.sizes) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(column[name] for column in columns) + " |")


def _measured(size: int, *, workers: int) -> dict[str, str]:
    with system.running(workers=workers, settings={"PAGE_CACHE_MB": "0"}) as running:
        database_url = running.environment["DATABASE_URL"]
        started = time.monotonic()
        world = populate(
            database_url, annotations=size, pages=size // 10, authority="localhost", users=max(size // 100, 200)
        )
        filled = time.monotonic() - started
        started = time.monotonic()
        running.run("h", "search", "reindex")
        indexed = time.monotonic() - started
        found = {"filled by the generator": f"{filled:.0f} s", "reindex": f"{size / indexed:.0f}/s, {indexed:.0f} s"}
        console.print(size, found)
        for name, paths in _cases(world).items():
            load.get(running.url, paths, seconds=2)
            found[name] = _cost(running, partial(load.get, running.url, paths, seconds=SECONDS))
            console.print(size, name, found[name])
        load.create(running.url, world, seconds=2)
        time.sleep(CREATES_UNTIL_QUIET_SECONDS)
        found["create"] = _cost(running, partial(load.create, running.url, world, seconds=SECONDS))
        found["database, with indexes"] = _size(database_url)
        console.print(size, found)
        return found


def _cases(world: World) -> dict[str, list[str]]:
    pages = [load.search_path(page) for page, _ in world.pages]
    return {
        "page search, all of the most read 2 000 pages in turn": pages[:PAGES],
        "page search, the most annotated page": pages[:1],
        "search by a word in one annotation of 100": [f"/api/search?any={VOCABULARY[150]}&limit=20"],
        "search by word, rarer ones": [f"/api/search?any={VOCABULARY[rank]}&limit=20" for rank in (600, 900)],
        "search by tag": [f"/api/search?tag={tag}&limit=20" for tag in TAGS[:20]],
        "search by user": [f"/api/search?user={userid}&limit=20" for userid in world.userids[:20]],
    }


def _cost(running: system.System, measure: Callable[[], load.Rate]) -> str:
    """Return the rate that `measure` finds, and what one request cost all processes."""
    database_url = running.environment["DATABASE_URL"]
    before = system.processor_time(running.pid, database_url)
    rate = measure()
    time.sleep(CREATES_UNTIL_QUIET_SECONDS)
    spent = system.processor_time(running.pid, database_url)
    spent.subtract(before)
    requests = max(rate.per_second * SECONDS, 1)
    database = sum(spent[name] for name in spent if name.startswith("postgres")) / requests
    others = sum(spent[name] for name in spent if not name.startswith("postgres")) / requests
    failed = f", {rate.failed} failed" if rate.failed else ""
    return (
        f"{rate.per_second:.0f}/s (p50 {rate.p50_ms:.0f} ms{failed}; h {others:.1f} ms, PostgreSQL {database:.1f} ms)"
    )


def _size(database_url: str) -> str:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        row = cursor.fetchone()
    return f"{(row[0] if row else 0) / 2**20:.0f} MB"


if __name__ == "__main__":
    main()
