"""All of h in containers whose connections can be cut one by one.

Each backing service has a network of its own, to which our containers are connected besides the one that they share
with this machine. Taking a container off such a network is silence to both ends: no connection is refused or reset.
"""

import os
from typing import Final, Self

from testcontainers.core.network import Network

from tests.e2e.infra import leftovers
from tests.e2e.infra.ambassador import AMBASSADOR
from tests.e2e.infra.ambassador import IMAGE as PYTHON
from tests.e2e.infra.stack import BACKING, RECIPES, SERVICES, Recipe, Stack
from tests.e2e.infra.waiting import wait_until

DISK_MEGABYTES: Final = 256
"""Size of Elasticsearch's disk."""

FULL_MEGABYTES: Final = 24
"""Free space below which Elasticsearch takes no more writes."""

_HOMES = (*BACKING, "mail")
_DATA = "/usr/share/elasticsearch/data"
_FILLER = "/disk/filler"


class CutStack(Stack):
    """A whole system; close it by leaving its `with` block."""

    def __init__(self) -> None:
        super().__init__()
        self._disk = f"h-e2e-{os.getpid()}-disk"
        self._homes = {
            name: Network(docker_network_kw={"labels": leftovers.labels(), "internal": True}) for name in _HOMES
        }
        # The ambassador gets out by a second network; nobody who is cut off from the first finds it there.
        self._outside = Network(docker_network_kw={"labels": leftovers.labels()})

    def __enter__(self) -> Self:
        """Start everything at once, after the networks, the disk and the way to the mail server."""
        try:
            for network in (*self._homes.values(), self._outside):
                network.create()
            options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={DISK_MEGABYTES}m,uid=1000,gid=0,mode=0775"}
            self.docker.volumes.create(self._disk, driver="local", driver_opts=options, labels=leftovers.labels())
            super().__enter__()
        except BaseException:
            self.close()
            raise
        return self

    def recipe(self, name: str) -> Recipe:
        """Return how a container of a kind is started: besides those of every stack, `mail` and `disk`."""
        if name == "mail":
            command = ("python3", "-c", AMBASSADOR, self._address_outside(), str(self.mail.port), str(self.statsd.port))
            return Recipe(PYTHON, command, hardened=False)
        if name == "disk":  # mounts the disk all the time, which would be empty again after Elasticsearch's end
            return Recipe(PYTHON, ("sleep", "infinity"), hardened=False, volumes={self._disk: "/disk"})
        recipe = RECIPES[name]
        if name != "elasticsearch":
            return recipe
        watermarks = {
            f"cluster.routing.allocation.disk.watermark.{level}": f"{FULL_MEGABYTES + more}mb"
            for level, more in (("low", 16), ("high", 8), ("flood_stage", 0))
        }
        env = {
            **recipe.env,
            **watermarks,
            "cluster.routing.allocation.disk.threshold_enabled": "true",
            "cluster.info.update.interval": "10s",
        }
        return Recipe(recipe.image, env=env, hardened=False, volumes={self._disk: _DATA})

    def home_of(self, name: str) -> Network:
        """Return the backing service's own network, and for ours the one that is shared with this machine."""
        return self._outside if name == "mail" else self._homes.get(name, self._network)

    def start(self, name: str, *, number: int = 1, env: dict[str, str] | None = None) -> str:  # type: ignore[override]
        """Start a container, and connect it with everything that it needs."""
        if name == SERVICES[0] and "mail" not in self.names():
            for helper in ("mail", "disk"):
                self.start(helper)
        key = super().start(name, number=number, env=env)
        if name == "mail":
            self._homes["mail"].connect(str(self.container(key).id), ["mail"])
        elif name in (*SERVICES, "init"):
            for home in self._homes.values():
                home.connect(str(self.container(key).id), [key])
        return key

    def env(self) -> dict[str, str]:
        """Return the settings of our containers; the mail server is known by its address."""
        return {**super().env(), "MAIL_HOST": self._address_of_mail(), "MAIL_PORT": "25"}

    def cut(self, name: str, backing: str) -> None:
        """Take a container off the network of a backing service."""
        self.docker.networks.get(self._homes[backing].name).disconnect(self.container(name))

    def mend(self, name: str, backing: str) -> None:
        """Put it back; it may get another address."""
        self._homes[backing].connect(str(self.container(name).id), [name])

    def fill_disk(self) -> None:
        """Leave Elasticsearch less space than it wants, and wait until it has noticed."""
        left = FULL_MEGABYTES // 2
        free = int(self.run("disk", "sh", "-c", "df -m /disk | tail -1 | awk '{print $4}'"))
        self.run("disk", "dd", "if=/dev/zero", f"of={_FILLER}", "bs=1M", f"count={free - left}")
        wait_until(self._is_blocked, seconds=60, what="Elasticsearch has noticed its full disk")

    def clear_disk(self) -> None:
        """Give the space back."""
        self.run("disk", "rm", "-f", _FILLER)

    def search_settings(self, path: str, body: str) -> str:
        """Change settings of Elasticsearch."""
        json = "Content-Type: application/json"
        return self.run(
            "elasticsearch", "curl", "-fsS", "-X", "PUT", f"localhost:9200/{path}/_settings", "-H", json, "-d", body
        )

    def close(self) -> None:
        """Remove everything."""
        super().close()
        for network in (*self._homes.values(), self._outside):
            if network._network is not None:
                network.remove()
                network._network = None
        for volume in self.docker.volumes.list(filters={"name": self._disk}):
            volume.remove(force=True)

    def _is_blocked(self) -> bool:
        return "read_only_allow_delete" in self.run("elasticsearch", "curl", "-sS", "localhost:9200/_all/_settings")

    def _address_of_mail(self) -> str:
        container = self.container("mail")
        container.reload()
        return str(container.attrs["NetworkSettings"]["Networks"][self._homes["mail"].name]["IPAddress"])

    def _address_outside(self) -> str:
        attributes = self.docker.networks.get(self._outside.name).attrs
        return str(attributes["IPAM"]["Config"][0]["Gateway"])
