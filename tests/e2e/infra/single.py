"""One container by itself, started with the docker command as people type it."""

import subprocess
from dataclasses import dataclass

from tests.e2e.infra.leftovers import LABEL, labels


@dataclass(frozen=True)
class Ended:
    """How a container ended."""

    status: int
    output: str


def run(*arguments: str, typed: str = "", seconds: float = 240) -> Ended:
    """Run `docker run --rm` in the foreground; output and errors are taken together."""
    done = subprocess.run(
        ["docker", "run", "--rm", "-i", *_label(), *arguments],
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Ended(done.returncode, done.stdout)


def start(*arguments: str) -> str:
    """Run `docker run -d` and return the container's id."""
    return docker("run", "-d", *_label(), *arguments)


def docker(*arguments: str) -> str:
    """Run the docker command and return what it prints.

    Raises:
        AssertionError: It failed; the text has what it said.
    """
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def try_docker(*arguments: str) -> Ended:
    """Run the docker command, which may fail."""
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return Ended(done.returncode, done.stdout)


def logs(name: str) -> str:
    """Return what a container has said, on both of its outputs."""
    done = subprocess.run(
        ["docker", "logs", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return done.stdout


def _label() -> list[str]:
    return ["--label", f"{LABEL}={labels()[LABEL]}"]
