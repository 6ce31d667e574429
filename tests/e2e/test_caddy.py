"""The documented Caddy configuration: TLS, and the socket beside the site on one address."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.infra import single
from tests.e2e.infra.people import Api, account
from tests.e2e.infra.proxy import PAGE
from tests.e2e.infra.sinks import free_port
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until

IMAGE = "h-e2e-caddy"
OPTIONS = "{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n}\n"
"""What a test needs besides: nothing but the one port of its own."""
_EXAMPLE = re.compile(r"```caddyfile\n(.*?)```", re.DOTALL)
_AUTHORITY = "/root/.local/share/caddy/pki/authorities/local/root.crt"


@pytest.fixture
def caddy(stack: Stack, tmp_path: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Host and port of a running Caddy, and what trusts its certificate."""
    single.docker("build", "--quiet", "--tag", IMAGE, str(Path(__file__).parent / "infra" / "caddy"))
    found = _EXAMPLE.search(PAGE.read_text(encoding="utf-8"))
    assert found, f"no Caddy example in {PAGE}"
    port = free_port()
    text = found[1].replace("annotate.example.org {", f"https://localhost:{port} {{\n    tls internal")
    text = text.replace("127.0.0.1:5000", f"127.0.0.1:{stack.ports['web']}")
    text = text.replace("127.0.0.1:5001", f"127.0.0.1:{stack.ports['websocket']}")
    (tmp_path / "Caddyfile").write_text(OPTIONS + text)
    container = single.start("--network", "host", "-v", f"{tmp_path}:/etc/h:ro", IMAGE)
    try:
        trust = ssl.create_default_context(cadata=wait_until(lambda: _authority(container), what="Caddy has started"))
        wait_until(lambda: _answers(f"https://localhost:{port}", trust), what="Caddy answers")
        yield f"localhost:{port}", trust
    finally:
        single.docker("rm", "-f", container)


class TestCaddy:
    def test_site_api_and_socket_are_behind_one_address(self, stack: Stack, caddy: tuple[str, ssl.SSLContext]) -> None:
        host, trust = caddy
        api = account(stack, "behind_caddy")
        assert api.token
        uri = "https://example.com/caddy"
        with (
            httpx2.Client(base_url=f"https://{host}", verify=trust) as http,
            Listener(f"wss://{host}/ws", token=api.token, uris=[uri], trust=trust) as socket,
        ):
            assert http.get("/welcome").status_code == 200
            row = Api(stack, token=api.token, url=f"https://{host}", trust=trust).create(uri=uri, text="Through TLS.")
            socket.wait_for({row["id"]})


def _authority(container: str) -> str:
    ended = single.try_docker("exec", container, "cat", _AUTHORITY)
    return ended.output if ended.status == 0 else ""


def _answers(url: str, trust: ssl.SSLContext) -> bool:
    try:
        return httpx2.get(f"{url}/_status", verify=trust).status_code == 200
    except httpx2.TransportError:
        return False
