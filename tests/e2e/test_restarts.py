"""Every container restarts while people write: nothing that was acknowledged is lost, nothing is done twice."""

import pytest

from tests.e2e.infra.people import Api, account
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.stack import BACKING, SERVICES, Stack
from tests.e2e.infra.writing import Writer, nothing_lost

PAUSE = 40
"""Annotations before and after the restart."""


@pytest.fixture(scope="module")
def people(stack: Stack) -> tuple[Api, Api]:
    """Two accounts."""
    return account(stack, "reader"), account(stack, "writer")


class TestRestart:
    @pytest.mark.parametrize("name", [*SERVICES, *BACKING])
    def test_a_restart_in_order_loses_nothing(self, stack: Stack, people: tuple[Api, Api], name: str) -> None:
        self._write_during(stack, people, name=name, killed=False)

    @pytest.mark.parametrize("name", ["relay", "consumer", "worker", "indexer", "rabbitmq", "postgres"])
    def test_a_sudden_end_loses_nothing(self, stack: Stack, people: tuple[Api, Api], name: str) -> None:
        self._write_during(stack, people, name=name, killed=True)

    def _write_during(self, stack: Stack, people: tuple[Api, Api], *, name: str, killed: bool) -> None:
        reader, other = people
        tag = f"{'kill' if killed else 'restart'}-{name}"
        uri = f"https://example.com/{tag}"
        assert reader.token
        mine = reader.create(uri=uri, text="Say something.")
        with Listener(stack.socket_url, token=reader.token, uris=[uri]) as socket:
            with Writer(other, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
                writer.wait_for_more(PAUSE)
                container = stack.container(name)
                if killed:
                    container.kill()
                    container.start()
                else:
                    container.restart(timeout=60)
                writer.wait_for_more(PAUSE)
                if name not in BACKING:
                    stack.wait_healthy([name])
                writer.wait_for_more(PAUSE)
            # What happens while a socket is closed is told by no socket: the client asks when it comes back.
            heard = socket if name != "websocket" else None
            nothing_lost(stack, writer, api=reader, tag=tag, socket=heard)
            if name == "websocket":
                assert socket.closes[0] == 1012
                socket.wait_for(set(writer.written[-5:]))
