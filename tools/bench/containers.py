"""Measures what `make up` runs, with the same requests as `make bench`; prints one Markdown table.

With `RATE_LIMITS=false` and `UVICORN_WORKERS=2` in compose/.env: `make up`, then `tools/bench/containers.py`. It fills
the installation with invented annotations: run it on one that you throw away (`docker compose down --volumes`).
It asks over the containers' own network, as a proxy in a container does: on the published ports each answer would also
be copied by Docker's proxy, which takes a fifth of the machine.
"""

import argparse
import subprocess
from dataclasses import dataclass
from pathlib import Path

import run
import system
from populate import populate

COMPOSE = Path(__file__).parents[2] / "compose"


@dataclass(frozen=True)
class Containers(system.System):
    """The containers of `make up`, which have no common parent process."""

    def run(self, *argv: str) -> str:
        """Run one of our commands in the web container."""
        return compose("exec", "-T", "web", *argv)


def main() -> None:
    """Fill, index, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=8, help="for each rate")
    parser.add_argument("--only", default="", help="measure only rows whose name contains this")
    options = parser.parse_args()
    variables = settings()
    database_url = f"postgresql://h:{variables['POSTGRES_PASSWORD']}@{addresses('postgres')[0]}:5432/h"
    running = Containers(
        url=f"http://{addresses('web')[0]}:5000",
        environment={
            "DATABASE_URL": database_url,
            "WEBSOCKET_URL": f"ws://{addresses('websocket')[0]}:5001/ws",
        },
        pid=0,
        first_start_seconds=0.0,
    )
    world = populate(
        database_url,
        annotations=options.annotations,
        pages=options.annotations // 10,
        authority=variables.get("AUTHORITY", "localhost"),
    )
    run.console.print(running.run("h", "search", "reindex"))
    # Elasticsearch compiles what it does often: in its first half minute a search takes it three times as long.
    run.measure(running, world, seconds=20, only="search by")
    rows = run.measure(running, world, seconds=options.seconds, only=options.only)
    print("| what | measured |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value} |")


def settings() -> dict[str, str]:
    """Return what stands in compose/.env."""
    lines = (COMPOSE / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")


def identities(service: str) -> list[str]:
    """Return the ids of a service's containers."""
    return compose("ps", "--quiet", service).split()


def addresses(service: str) -> list[str]:
    """Return the address of each of a service's containers."""
    return docker("inspect", "--format", _ADDRESS, *identities(service)).split()


_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"


def compose(*argv: str) -> str:
    """Run a command of `docker compose` on the installation."""
    return docker("compose", "--file", str(COMPOSE / "compose.yaml"), *argv)


def docker(*argv: str) -> str:
    """Run a command of `docker` and return what it prints."""
    return subprocess.run(["docker", *argv], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
