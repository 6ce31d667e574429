"""nginx with the configuration of docs/how-to/run-in-production.md."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.infra import single
from tests.e2e.infra.sinks import free_port
from tests.e2e.infra.waiting import wait_until

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "run-in-production.md"
IMAGE = "h-e2e-nginx"
_EXAMPLE = re.compile(r"```nginx\n(.*?)```", re.DOTALL)


def configuration(*, port: int, web: Sequence[int], websocket: Sequence[int]) -> str:
    """Return the documented example for these ports of this machine, without TLS."""
    found = _EXAMPLE.search(PAGE.read_text(encoding="utf-8"))
    assert found, f"no nginx example in {PAGE}"
    text = found[1].replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    text = re.sub(r"^ *ssl_.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("server 127.0.0.1:5000;", _servers(web))
    return text.replace("server 127.0.0.1:5001;", _servers(websocket))


class Proxy:
    """A running nginx.

    Attributes:
        port: Its port on this machine.
    """

    def __init__(self, *, web: Sequence[int], websocket: Sequence[int], directory: Path) -> None:
        single.docker("build", "--quiet", "--tag", IMAGE, str(Path(__file__).parent / "nginx"))
        self.port = free_port()
        self._path = directory / "h.conf"
        self._write(web, websocket)
        self._id = single.start("--network", "host", "-v", f"{directory}:/etc/nginx/conf.d:ro", IMAGE)

    @property
    def log(self) -> str:
        """What it complained of."""
        return single.docker("logs", self._id)

    def use(self, *, web: Sequence[int], websocket: Sequence[int]) -> None:
        """Spread new requests over these from now on; those under way are finished."""
        self._write(web, websocket)
        before = self._accepting()
        single.docker("exec", self._id, "nginx", "-s", "reload")
        wait_until(lambda: self._accepting() and not self._accepting() & before, what="nginx has reloaded")

    def close(self) -> None:
        """Remove it."""
        single.docker("rm", "-f", self._id)

    def _accepting(self) -> set[str]:
        """Return the processes that take requests; one that ends says so in its title."""
        lines = single.docker("top", self._id, "-eo", "pid,args").splitlines()
        return {line.split()[0] for line in lines if line.rstrip().endswith("nginx: worker process")}

    def _write(self, web: Sequence[int], websocket: Sequence[int]) -> None:
        self._path.write_text(configuration(port=self.port, web=web, websocket=websocket))


def _servers(ports: Sequence[int]) -> str:
    return " ".join(f"server 127.0.0.1:{port};" for port in ports)
