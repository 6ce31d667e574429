"""Two of each: behind the documented nginx, they are replaced one by one without a failed request."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.infra.people import Api, account
from tests.e2e.infra.proxy import Proxy
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until
from tests.e2e.infra.writing import Writer, nothing_lost

DOUBLED = ("web", "websocket", "relay", "consumer", "worker", "beat", "indexer")


@pytest.fixture(scope="module")
def doubled(stack: Stack) -> Iterator[Stack]:
    """The system with two of each service."""
    names = [stack.start(name, number=2) for name in DOUBLED]
    stack.wait_healthy(names)
    yield stack
    for name in names:
        stack.remove(name)


@pytest.fixture(scope="module")
def people(stack: Stack) -> tuple[Api, Api]:
    """Two accounts."""
    return account(stack, "scale_reader"), account(stack, "scale_writer")


class TestTwoOfEach:
    def test_nothing_is_lost_or_doubled(self, doubled: Stack, people: tuple[Api, Api]) -> None:
        reader, writer_api = people
        uri, tag = "https://example.com/two-of-each", "two-of-each"
        mine = reader.create(uri=uri, text="Say something.")
        assert reader.token
        second_url = doubled.socket_url.replace(str(doubled.ports["websocket"]), str(doubled.ports["websocket2"]))
        with (
            Listener(doubled.socket_url, token=reader.token, uris=[uri]) as first,
            Listener(second_url, token=reader.token, uris=[uri]) as second,
        ):
            with Writer(writer_api, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
                writer.wait_for_more(150)
            nothing_lost(doubled, writer, api=reader, tag=tag, socket=first)
            second.wait_for(set(writer.written))
            for socket in (first, second):
                assert len(socket.heard) == len(set(socket.heard)), "a socket heard of something twice"

    def test_a_rolling_restart_behind_nginx_fails_no_request(
        self, doubled: Stack, people: tuple[Api, Api], tmp_path: Path
    ) -> None:
        reader, other = people
        uri, tag = "https://example.com/rolling", "rolling"
        ports = {name: doubled.ports[name] for name in ("web", "web2", "websocket", "websocket2")}
        proxy = Proxy(**_upstreams(ports), directory=tmp_path)
        doubled.closing.callback(proxy.close)
        url = f"http://localhost:{proxy.port}"
        wait_until(lambda: _answers(url), what="nginx answers")
        mine = reader.create(uri=uri, text="Say something.")
        through = Api(doubled, token=other.token, url=url)
        # With every reload nginx closes the connections that nothing is asked on just then. Browsers ask again on a new
        # one; this client would take a request that meets it for a failed one.
        through.http.headers["Connection"] = "close"
        assert reader.token
        with Listener(f"ws://localhost:{proxy.port}/ws", token=reader.token, uris=[uri]) as socket:
            with Writer(through, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
                for name in ports:
                    writer.wait_for_more(20)
                    proxy.use(**_upstreams(ports, without=name))
                    doubled.container(name).restart(timeout=60)
                    doubled.wait_healthy([name])
                    proxy.use(**_upstreams(ports))
                writer.wait_for_more(20)
            assert writer.refused == [], proxy.log
            nothing_lost(doubled, writer, api=reader, tag=tag, socket=None)
            socket.wait_for(set(writer.written[-10:]))


def _upstreams(ports: dict[str, int], *, without: str = "") -> dict[str, list[int]]:
    kept = {name: port for name, port in ports.items() if name != without}
    return {kind: [kept[name] for name in (kind, f"{kind}2") if name in kept] for kind in ("web", "websocket")}


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/_status").status_code == 200
    except httpx2.TransportError:
        return False
