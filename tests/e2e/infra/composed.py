"""The project of compose/, from a copy of it: with settings, secrets, ports and volumes of its own."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.e2e.infra import single
from tests.e2e.infra.leftovers import project
from tests.e2e.infra.sinks import MailSink, free_ports

COMPOSE = Path(__file__).parents[3] / "compose"
UP_SECONDS = 900


class Composed:
    """All of h as compose/up.sh starts it, with several containers of what `scale` names.

    Attributes:
        mail: Where its mail goes.
        closing: Whatever is to be closed with it.
        said: What up.sh printed.
    """

    def __init__(self, *, directory: Path, scale: Mapping[str, int]) -> None:
        self.mail = MailSink()
        self.closing = ExitStack()
        self.said = ""
        self._scale = scale
        self._directory = directory / "compose"
        shutil.copytree(COMPOSE, self._directory, ignore=shutil.ignore_patterns(".env", "offline"))
        self._ports = {name: free_ports(scale.get(name, 1)) for name in ("web", "websocket")}

    def __enter__(self) -> Self:
        """Configure and start it with the scripts of `make up`."""
        try:
            ranges = {name: f"{ports[0]}-{ports[-1]}" for name, ports in self._ports.items()}
            self._script("configure.sh", H_PORT=ranges["web"], H_WEBSOCKET_PORT=ranges["websocket"])
            with (self._directory / ".env").open("a") as settings:
                settings.write(f"MAIL_HOST={self._gateway()}\nMAIL_PORT={self.mail.port}\nWORKER_CONCURRENCY=2\n")
                settings.write(f"H_PROJECT={project()}\nES_JAVA_OPTS=-Xms256m -Xmx256m\n")
            scales = [word for name, count in self._scale.items() for word in ("--scale", f"{name}={count}")]
            self.said = self._script("up.sh", "--no-build", *scales)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where people find it: the first container's port."""
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        """Where each web container is."""
        return [f"http://localhost:{port}" for port in self._ports["web"]]

    @property
    def socket_urls(self) -> list[str]:
        """Where each socket container is."""
        return [f"ws://localhost:{port}/ws" for port in self._ports["websocket"]]

    def run(self, name: str, *command: str) -> str:
        """Run a command in the first container of a service and return what it said."""
        return self.compose("exec", "-T", name, *command)

    def h(self, *arguments: str) -> str:
        """Run the command `h`."""
        return self.run("web", "h", *arguments)

    def sql(self, statement: str) -> str:
        """Return what PostgreSQL answers, unaligned."""
        return self.run("postgres", "psql", "-U", "h", "-Atc", statement).strip()

    def compose(self, *arguments: str) -> str:
        """Run the compose command on it and return what it prints."""
        return single.docker("compose", "--file", str(self._directory / "compose.yaml"), *arguments)

    def close(self) -> None:
        """Remove everything of it."""
        self.closing.close()
        if (self._directory / ".env").exists():
            self.compose("down", "--volumes", "--timeout", "20", "--remove-orphans")
        self.mail.close()

    def _gateway(self) -> str:
        """Return an address of this machine that every container reaches."""
        return single.docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")

    def _script(self, name: str, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [self._directory / name, *arguments],
            env=dict(os.environ) | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=UP_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout
