"""RabbitMQ away, or out of memory: writes go on, events wait in the outbox, and consumers come back by themselves."""

import time
from collections.abc import Callable

import pytest

from tests.e2e.infra.people import Api, account
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until
from tests.e2e.infra.writing import Writer, nothing_lost

SLOWEST_SECONDS = 5.0


@pytest.fixture(scope="module")
def people(stack: Stack) -> tuple[Api, Api]:
    """Two accounts."""
    return account(stack, "listener"), account(stack, "speaker")


class TestOutage:
    def test_away_for_a_while(self, stack: Stack, people: tuple[Api, Api]) -> None:
        broker = stack.container("rabbitmq")
        _during(
            stack,
            people,
            tag="broker-away",
            begin=lambda: broker.stop(timeout=60),
            end=broker.start,
        )

    def test_out_of_memory(self, stack: Stack, people: tuple[Api, Api]) -> None:
        def watermark(value: str) -> None:
            stack.run("rabbitmq", "rabbitmqctl", "--quiet", "set_vm_memory_high_watermark", value)

        _during(stack, people, tag="broker-alarm", begin=lambda: watermark("0"), end=lambda: watermark("0.6"))


def _during(
    stack: Stack, people: tuple[Api, Api], *, tag: str, begin: Callable[[], object], end: Callable[[], object]
) -> None:
    reader, other = people
    uri = f"https://example.com/{tag}"
    assert reader.token
    mine = reader.create(uri=uri, text="Say something.")
    with Listener(stack.socket_url, token=reader.token, uris=[uri]) as socket:
        with Writer(other, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
            writer.wait_for_more(15)
            begin()
            writer.wait_for_more(30)
            waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
            wait_until(lambda: int(stack.sql(waiting)) >= 20, what="events wait in the outbox")
            started = time.monotonic()
            assert len(reader.search(uri=uri)["rows"]) > 0
            assert time.monotonic() - started < SLOWEST_SECONDS
            end()
            writer.wait_for_more(15)
        assert writer.refused == [], "writes went on"
        nothing_lost(stack, writer, api=reader, tag=tag, socket=socket)
        assert socket.opened == 1, "the socket stayed open all the time"
