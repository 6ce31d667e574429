"""Everything that the tests make carries a label with the process that made it, and is removed with it."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

LABEL = "h.e2e.pid"
_COMPOSE_LABEL = "com.docker.compose.project"
_PROJECT = "h-e2e-"


def labels() -> dict[str, str]:
    """Return the labels for whatever this process makes."""
    return {LABEL: str(os.getpid())}


def project() -> str:
    """Return the name of this process's compose project; compose labels what belongs to it."""
    return f"{_PROJECT}{os.getpid()}"


def remove_mine(docker: DockerClient) -> None:
    """Remove what this process made."""
    _remove_of(docker, str(os.getpid()))


def remove_orphans(docker: DockerClient) -> None:
    """Remove what processes made that were killed before they could."""
    for pid in sorted(_makers(docker)):
        if not Path(f"/proc/{pid}").exists():
            _remove_of(docker, pid)


def of_process(docker: DockerClient, pid: int) -> list[str]:
    """Return the names of everything there is that a process made."""
    return [str(item.name) for found in _found_of(docker, str(pid)) for item in found]


def _makers(docker: DockerClient) -> set[str]:
    found = set()
    for kind in _kinds(docker):
        for label in (LABEL, _COMPOSE_LABEL):
            for item in kind(filters={"label": label}):
                labels = item.attrs.get("Labels") or item.attrs.get("Config", {}).get("Labels") or {}
                name = labels.get(_COMPOSE_LABEL, "")
                found.add(name.removeprefix(_PROJECT) if name.startswith(_PROJECT) else labels.get(LABEL, ""))
    return {pid for pid in found if pid.isdigit()}


def _remove_of(docker: DockerClient, pid: str) -> None:
    for found in _found_of(docker, pid):
        for item in found:
            with suppress(NotFound):
                item.remove(**({"force": True, "v": True} if isinstance(item, Container) else {}))


def _found_of(docker: DockerClient, pid: str) -> Iterator[list[Any]]:
    """Yield containers, then networks, then volumes: each can be removed when the ones before are gone."""
    filters = ({"label": f"{LABEL}={pid}"}, {"label": f"{_COMPOSE_LABEL}={_PROJECT}{pid}"})
    for kind in _kinds(docker):
        yield [item for each in filters for item in kind(filters=each)]


def _kinds(docker: DockerClient) -> list[Callable[..., list[Any]]]:
    return [partial(docker.containers.list, all=True, ignore_removed=True), docker.networks.list, docker.volumes.list]
