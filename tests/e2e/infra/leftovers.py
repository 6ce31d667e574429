"""Everything that the tests make carries a label with the process that made it, and is removed with it."""

import os
from pathlib import Path
from typing import Any

from docker import DockerClient

LABEL = "h.e2e.pid"


def labels() -> dict[str, str]:
    """Return the labels for whatever this process makes."""
    return {LABEL: str(os.getpid())}


def remove_mine(docker: DockerClient) -> None:
    """Remove what this process made."""
    _remove(docker, {"label": f"{LABEL}={os.getpid()}"})


def remove_orphans(docker: DockerClient) -> None:
    """Remove what processes made that were killed before they could."""
    containers = docker.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    networks = docker.networks.list(filters={"label": LABEL})
    pids = {pid for item in [*containers, *networks] if (pid := _maker(item)) and not Path(f"/proc/{pid}").exists()}
    for pid in pids:
        _remove(docker, {"label": f"{LABEL}={pid}"})


def _maker(item: Any) -> str:
    found: str = item.attrs.get("Labels", {}).get(LABEL, "") or item.attrs.get("Config", {}).get("Labels", {}).get(
        LABEL, ""
    )
    return found


def _remove(docker: DockerClient, filters: dict[str, Any]) -> None:
    for container in docker.containers.list(all=True, filters=filters, ignore_removed=True):
        container.remove(force=True, v=True)
    for network in docker.networks.list(filters=filters):
        network.remove()
