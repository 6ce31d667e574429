"""All of h in containers, on a network and ports of their own."""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from docker.errors import NotFound
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

from tests.e2e.infra import leftovers
from tests.e2e.infra.sinks import MailSink, StatsdSink, free_port
from tests.e2e.infra.waiting import wait_until

HARDENED: Mapping[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "init": False,
}
"""How compose/services.yaml runs each container of ours, with a temporary file system besides."""

TEMPORARY = {"/tmp": "size=64m,mode=1777"}  # noqa: S108 - the containers' own

PASSWORD = secrets.token_urlsafe(12)

START_SECONDS = 240
"""Long enough for a machine that does much else."""

LOGS = Path(__file__).parents[3] / "var" / "e2e"
"""What the containers logged, for a test that failed."""


@dataclass(frozen=True)
class Recipe:
    """How to start a container of one kind.

    Attributes:
        image: Its image.
        command: Its command, or None for the image's own.
        port: The port that is published, if any.
        env: Variables of its own.
        hardened: Whether it is ours, and so runs as compose runs it.
        volumes: Where volumes are mounted, by their names.
    """

    image: str
    command: tuple[str, ...] | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    hardened: bool = True
    volumes: Mapping[str, str] = field(default_factory=dict)


RECIPES: Mapping[str, Recipe] = {
    "postgres": Recipe(
        "postgres:17", env={"POSTGRES_USER": "h", "POSTGRES_DB": "h", "POSTGRES_PASSWORD": PASSWORD}, hardened=False
    ),
    "rabbitmq": Recipe(
        "rabbitmq:4",
        env={"RABBITMQ_DEFAULT_USER": "h", "RABBITMQ_DEFAULT_PASS": PASSWORD, "RABBITMQ_DEFAULT_VHOST": "h"},
        hardened=False,
    ),
    "redis": Recipe("redis:8", ("redis-server", "--appendonly", "yes"), hardened=False),
    "elasticsearch": Recipe(
        "h-elasticsearch",
        env={
            "discovery.type": "single-node",
            "xpack.security.enabled": "false",
            "ES_JAVA_OPTS": "-Xms256m -Xmx256m",
            "cluster.routing.allocation.disk.threshold_enabled": "false",  # this machine's disk is not the subject
        },
        hardened=False,
    ),
    "init": Recipe("h-web", ("h", "init", "--wait-seconds", "240")),
    "web": Recipe("h-web", port=5000),
    "websocket": Recipe("h-websocket", port=5001),
    "relay": Recipe("h-worker", ("h-worker", "relay")),
    "consumer": Recipe("h-worker", ("h-worker", "consume")),
    "worker": Recipe("h-worker", env={"WORKER_CONCURRENCY": "2"}),
    "beat": Recipe("h-worker", ("h-worker", "beat")),
    "indexer": Recipe("h-indexer"),
}
BACKING = ("postgres", "rabbitmq", "redis", "elasticsearch")
SERVICES = ("web", "websocket", "relay", "consumer", "worker", "beat", "indexer")


class Stack:
    """A whole system; close it by leaving its `with` block.

    Attributes:
        mail: Where its mail goes.
        statsd: Where its metrics go.
        closing: Whatever is to be closed with it.
        ports: Port on this machine of each container that has one, by name.
    """

    def __init__(self) -> None:
        self.mail = MailSink()
        self.statsd = StatsdSink()
        self.ports: dict[str, int] = {}
        self.docker = DockerClient().client
        self._network = Network(docker_network_kw={"labels": leftovers.labels()})
        self._containers: dict[str, Container] = {}
        self.closing = ExitStack()
        self._secret_key = secrets.token_urlsafe(48)

    def __enter__(self) -> Self:
        """Start everything at once: nothing may depend on an order."""
        try:
            self._network.create()
            self.ports |= {"web": free_port(), "websocket": free_port()}
            for name in (*SERVICES, *BACKING, "init"):
                self.start(name)
            assert self.container("init").wait(timeout=START_SECONDS)["StatusCode"] == 0, self.log("init")
            self.wait_healthy(SERVICES)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where people find it."""
        return f"http://localhost:{self.ports['web']}"

    @property
    def socket_url(self) -> str:
        """Where its socket is."""
        return f"ws://localhost:{self.ports['websocket']}/ws"

    @property
    def network(self) -> str:
        """Name of its network."""
        return str(self._network.name)

    @property
    def gateway(self) -> str:
        """Address of this machine as the containers see it."""
        attributes = self.docker.networks.get(self.network).attrs
        return str(attributes["IPAM"]["Config"][0]["Gateway"])

    def env(self) -> dict[str, str]:
        """Return the settings that all containers of ours get."""
        return {
            "DATABASE_URL": f"postgresql://h:{PASSWORD}@postgres/h",
            "BROKER_URL": f"amqp://h:{PASSWORD}@rabbitmq/h",
            "REDIS_URL": "redis://redis:6379/0",
            "ELASTICSEARCH_URL": "http://elasticsearch:9200",
            "SECRET_KEY": self._secret_key,
            "APP_URL": self.url,
            "RATE_LIMITS": "false",  # one writer does here what a whole class does
            "WEBSOCKET_URL": self.socket_url,
            "MAIL_HOST": self.gateway,
            "MAIL_PORT": str(self.mail.port),
            "STATSD_HOST": self.gateway,
            "STATSD_PORT": str(self.statsd.port),
        }

    def start(self, name: str, *, number: int = 1, env: Mapping[str, str] | None = None) -> str:
        """Start a container of a kind; with a number above 1 it is one more of that kind. Return its name."""
        recipe = self.recipe(name)
        key = name if number == 1 else f"{name}{number}"
        settings = {**(self.env() if recipe.hardened else {}), **recipe.env, **(env or {})}
        container = DockerContainer(tagged(recipe.image) if recipe.hardened else recipe.image, env=settings)
        container.with_network(self.home_of(name)).with_network_aliases(key)
        if recipe.port is not None:
            container.with_bind_ports(recipe.port, self.ports.setdefault(key, free_port()))
        options: dict[str, Any] = {"labels": leftovers.labels(), **(HARDENED if recipe.hardened else {})}
        if name == "rabbitmq":
            options["hostname"] = key
        container.with_kwargs(**options)
        if recipe.command is not None:
            container.with_command(list(recipe.command))
        if recipe.hardened:
            container.tmpfs = TEMPORARY
        for volume, directory in recipe.volumes.items():
            container.with_volume_mapping(volume, directory, "rw")
        container.start()
        self._containers[key] = self.docker.containers.get(container.get_container_id())
        return key

    def recipe(self, name: str) -> Recipe:
        """Return how a container of a kind is started."""
        return RECIPES[name]

    def home_of(self, name: str) -> Network:
        """Return the network on which a container of a kind is started."""
        del name
        return self._network

    def remove(self, name: str) -> None:
        """Stop a container in order, and forget it."""
        container = self._containers.pop(name)
        container.stop(timeout=40)
        container.remove(v=True)

    def container(self, name: str) -> Container:
        """Return a container by its name."""
        return self._containers[name]

    def address(self, name: str) -> str:
        """Return a container's own address, which this machine can reach."""
        container = self.container(name)
        container.reload()
        return str(container.attrs["NetworkSettings"]["Networks"][self.network]["IPAddress"])

    def names(self) -> list[str]:
        """Return the names of all containers."""
        return list(self._containers)

    def wait_healthy(self, names: Iterable[str], *, seconds: float = START_SECONDS) -> None:
        """Wait until the images' own health checks are content."""
        for name in names:
            wait_until(lambda name=name: self._is_healthy(name), seconds=seconds, what=f"{name} is healthy")  # type: ignore[misc]

    def run(self, name: str, *command: str) -> str:
        """Run a command in a container and return what it said."""
        answer: Any = self.container(name).exec_run(list(command), demux=True)
        output, problems = ((part or b"").decode() for part in answer.output)
        assert answer.exit_code == 0, f"{command}: {output} {problems}"
        return output

    def h(self, *arguments: str) -> str:
        """Run the command `h` in the web container."""
        return self.run("web", "h", *arguments)

    def sql(self, statement: str) -> str:
        """Return what PostgreSQL answers, unaligned."""
        return self.run("postgres", "psql", "-U", "h", "-Atc", statement).strip()

    def log(self, name: str) -> str:
        """Return what a container has logged."""
        text: str = self.container(name).logs().decode()
        return text

    def faults(self) -> list[str]:
        """Return the lines of our services' logs that should not be there, whatever people saw."""
        return [
            f"{name}: {line}"
            for name in self._containers
            if name not in BACKING
            for line in self.log(name).splitlines()
            if '"level":"error"' in line or '"level":"critical"' in line or "Traceback" in line
            if "Cannot connect to amqp" not in line  # how Celery says that it waits for the broker
        ]

    def close(self) -> None:
        """Remove everything; the containers' logs stay, until the next run."""
        self.closing.close()
        for name, container in self._containers.items():
            _ignoring_absence(lambda name=name: self._keep_log(name))  # type: ignore[misc]
            _ignoring_absence(lambda container=container: container.remove(force=True, v=True))  # type: ignore[misc]
        self._containers.clear()
        if self._network._network is not None:
            _ignoring_absence(self._network.remove)
        self.mail.close()
        self.statsd.close()

    def _keep_log(self, name: str) -> None:
        directory = LOGS / self.network[:8]
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.log").write_text(self.log(name))

    def _is_healthy(self, name: str) -> bool:
        container = self.container(name)
        container.reload()
        state = container.attrs["State"]
        assert state["Status"] == "running", f"{name} has ended with {state['ExitCode']}:\n{self.log(name)[-3000:]}"
        return bool(state["Health"]["Status"] == "healthy")


def tagged(image: str) -> str:
    """Return an image of ours under the tag that is tested, `H_IMAGES`."""
    return f"{image}:{os.environ.get('H_IMAGES', 'latest')}"


def _ignoring_absence(remove: Callable[[], object]) -> None:
    try:
        remove()
    except NotFound:
        return
