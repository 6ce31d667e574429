"""Every container is killed, and restarted in order, while people write: nothing acknowledged is lost or done twice."""

import pytest

from tests.e2e.infra.people import Api, account
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.stack import BACKING, SERVICES, Stack
from tests.e2e.infra.writing import Writer, nothing_lost

PAUSE = 25
"""Annotations before, between and after."""


@pytest.fixture(scope="module")
def people(stack: Stack) -> tuple[Api, Api]:
    """Two accounts."""
    return account(stack, "reader"), account(stack, "writer")


class TestRestart:
    @pytest.mark.parametrize("name", [*SERVICES, *BACKING])
    def test_a_sudden_end_and_a_restart_lose_nothing(self, stack: Stack, people: tuple[Api, Api], name: str) -> None:
        reader, other = people
        tag = f"restart-{name}"
        uri = f"https://example.com/{tag}"
        assert reader.token
        mine = reader.create(uri=uri, text="Say something.")
        with Listener(stack.socket_url, token=reader.token, uris=[uri]) as socket:
            with Writer(other, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
                writer.wait_for_more(PAUSE)
                container = stack.container(name)
                container.kill()
                container.start()
                writer.wait_for_more(PAUSE)
                if name == "websocket":  # only a socket that is back can be told of the restart
                    socket.wait_until_open(seconds=60)
                container.restart(timeout=60)
                writer.wait_for_more(PAUSE)
            if name not in BACKING:
                stack.wait_healthy([name])
            # What happens while a socket is closed is told by no socket: the client asks when it comes back.
            heard = socket if name != "websocket" else None
            nothing_lost(stack, writer, api=reader, tag=tag, socket=heard)
            if name == "websocket":
                assert 1012 in socket.closes, "the one that was told to stop said that it comes back"
                socket.wait_until_open()
                later = reader.create(uri=uri, text="All of it?")
                socket.wait_for({later["id"]})
