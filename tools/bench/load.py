"""Load: `wrk` for rates, single requests for latencies."""

import asyncio
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx2
import orjson
import websockets
from populate import World

CONNECTIONS = 16
SAMPLES = 200

_GET = """
local paths = {{ {paths} }}
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], {{ {headers} }})
end
"""

_POST = """
local bodies = {{ {paths} }}
local at = 0
request = function()
  at = at % #bodies + 1
  return wrk.format("POST", "/api/annotations", {{ {headers} }}, bodies[at])
end
"""


@dataclass(frozen=True)
class Rate:
    """What `wrk` measured: requests a second, latencies in milliseconds, and answers other than 2xx or 3xx."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True)
class Latency:
    """Latencies of single actions in milliseconds."""

    p50_ms: float
    p95_ms: float


def get(
    url: str,
    paths: list[str],
    *,
    token: str | None = None,
    known: str | None = None,
    seconds: int = 8,
    connections: int = CONNECTIONS,
) -> Rate:
    """Request these paths in turn; `known` is the ETag of an answer that the client has already."""
    headers = [f'["Authorization"] = "Bearer {token}"'] if token else []
    headers += [f"""["If-None-Match"] = '{known}'"""] if known else []
    return _wrk(url, _GET.format(paths=_lua_strings(paths), headers=", ".join(headers)), seconds, connections)


def etag(url: str, path: str) -> str:
    """Return the ETag of an answer."""
    return httpx2.get(url + path).headers["ETag"]


def create(url: str, world: World, *, seconds: int = 8) -> Rate:
    """Create annotations by one user on the pages in turn."""
    bodies = [orjson.dumps(annotation(page)).decode() for page, _ in world.pages[:200]]
    headers = f'["Authorization"] = "Bearer {world.tokens[0]}", ["Content-Type"] = "application/json"'
    return _wrk(url, _POST.format(paths=_lua_strings(bodies), headers=headers), seconds, CONNECTIONS)


def annotation(page: str, text: str = "A note in the margin of the page.") -> dict[str, object]:
    """Return the body of a new annotation as the client sends it."""
    return {
        "uri": page,
        "text": text,
        "tags": ["bench"],
        "group": "__world__",
        "permissions": {"read": ["group:__world__"]},
        "document": {"title": ["Article"], "link": [{"href": page}]},
        "target": [
            {
                "source": page,
                "selector": [
                    {"type": "TextPositionSelector", "start": 1200, "end": 1284},
                    {"type": "TextQuoteSelector", "exact": "a quote of the page", "prefix": "so ", "suffix": " it"},
                ],
            }
        ],
    }


def search_path(page: str) -> str:
    """Return the sidebar's search of a page."""
    return f"/api/search?uri={quote(page, safe='')}&limit=50&sort=created&order=asc"


async def notification_latency(url: str, socket_url: str, world: World) -> Latency:
    """Create as one user, and wait for the notification on another user's socket."""
    page = world.pages[100][0]
    timings = []
    async with (
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {world.tokens[0]}"}) as author,
        websockets.connect(f"{socket_url}?access_token={world.tokens[1]}") as socket,
    ):
        clause = {"field": "/uri", "operator": "one_of", "value": [page]}
        actions = {"create": True, "update": True, "delete": True}
        await socket.send(
            orjson.dumps({"filter": {"match_policy": "include_any", "clauses": [clause], "actions": actions}}).decode()
        )
        await socket.send('{"type": "whoami", "id": 1}')
        await socket.recv()
        for number in range(SAMPLES):
            started = time.perf_counter()
            answer = await author.post("/api/annotations", json=annotation(page, f"note {number}"))
            answer.raise_for_status()
            async with asyncio.timeout(10):
                await socket.recv()
            timings.append((time.perf_counter() - started) * 1000)
    return _latency(timings)


async def searchable_latency(url: str, world: World) -> Latency:
    """Create an annotation with a word of its own, and ask for that word until it is found."""
    page = world.pages[101][0]
    timings = []
    async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {world.tokens[0]}"}) as author:
        for number in range(SAMPLES // 2):
            word = f"zyx{number}qwv"
            started = time.perf_counter()
            (await author.post("/api/annotations", json=annotation(page, word))).raise_for_status()
            async with asyncio.timeout(10):
                while (await author.get("/api/search", params={"any": word})).json()["total"] == 0:  # noqa: ASYNC110 - another process makes it true
                    await asyncio.sleep(0.005)
            timings.append((time.perf_counter() - started) * 1000)
    return _latency(timings)


def _latency(timings: list[float]) -> Latency:
    return Latency(statistics.median(timings), statistics.quantiles(timings, n=20)[-1])


def _lua_strings(values: list[str]) -> str:
    return ", ".join(f"[==[{value}]==]" for value in values)


def _wrk(url: str, script: str, seconds: int, connections: int) -> Rate:
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as file:
        file.write(script)
    try:
        printed = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", file.name, url],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    finally:
        Path(file.name).unlink()
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    return Rate(
        per_second=float(_printed(r"Requests/sec:\s+([\d.]+)", printed)),
        p50_ms=_milliseconds(printed, "50"),
        p99_ms=_milliseconds(printed, "99"),
        failed=int(failed[1]) if failed else 0,
    )


def _printed(pattern: str, printed: str) -> str:
    match = re.search(pattern, printed)
    if match is None:
        raise SystemExit(f"wrk printed something else than expected:\n{printed}")
    return match[1]


def _milliseconds(printed: str, percentile: str) -> float:
    match = re.search(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s)$", printed, re.MULTILINE)
    factors = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    return float(match[1]) * factors[match[2]] if match else 0.0
