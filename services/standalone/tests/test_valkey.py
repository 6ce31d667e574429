"""The embedded Valkey: started, adopted, recovered, stopped; and the libraries that use its socket."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu
import limits
import pytest
import redis
from hstandalone.errors import StandaloneError
from hstandalone.processes import wait_for
from hstandalone.valkey import EmbeddedValkey


@pytest.fixture
def server(open_dir: Path) -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(open_dir / "valkey")
    yield valkey
    valkey.stop()


class TestFreshServer:
    def test_databases_are_apart(self, valkey: EmbeddedValkey) -> None:
        with redis.Redis.from_url(valkey.url(3)) as third, redis.Redis.from_url(valkey.url(4)) as fourth:
            third.set("key", "value")
            assert fourth.get("key") is None
            assert third.get("key") == b"value"

    def test_nothing_is_evicted_and_every_write_is_on_disk(self, server: EmbeddedValkey) -> None:
        server.start()
        with redis.Redis.from_url(server.url()) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendfsync") == {"appendfsync": "always"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("port") == {"port": "0"}

    def test_kombu_passes_messages_through_it(self, valkey: EmbeddedValkey) -> None:
        received: list[object] = []
        with kombu.Connection(valkey.broker_url(5)) as connection:
            queue = kombu.Queue("q", kombu.Exchange("events", "topic"), routing_key="a.#", auto_delete=True)
            connection.Producer().publish({"n": 1}, exchange=queue.exchange, routing_key="a.b", declare=[queue])

            def take(body: object, message: kombu.Message) -> None:
                received.append(body)
                message.ack()

            with connection.Consumer([queue], callbacks=[take]):
                connection.drain_events(timeout=10)
        assert received == [{"n": 1}]

    def test_limits_counts_in_it(self, valkey: EmbeddedValkey) -> None:
        storage = limits.storage.storage_from_string(f"redis+{valkey.url(6)}")
        limiter = limits.strategies.FixedWindowRateLimiter(storage)
        once = limits.parse("1/hour")
        assert limiter.hit(once, "somebody")
        assert not limiter.hit(once, "somebody")

    def test_no_url_before_it_is_started(self, server: EmbeddedValkey) -> None:
        with pytest.raises(StandaloneError, match="has not been started"):
            server.url()

    def test_stopping_leaves_no_process_and_no_socket(
        self, server: EmbeddedValkey, ended: Callable[[int], bool]
    ) -> None:
        server.start()
        assert server.process is not None
        pid, socket = server.process.pid, Path(server.url().removeprefix("unix://").partition("?")[0])
        assert socket.is_socket()
        server.stop()
        assert ended(pid)
        assert not socket.parent.exists()


class TestExistingData:
    def test_a_killed_server_has_lost_nothing(self, server: EmbeddedValkey) -> None:
        server.start()
        url = server.url()
        with redis.Redis.from_url(url) as client:
            client.set("kept", "yes")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        assert wait_for(lambda: not server.is_running(), timeout_seconds=10)
        server.start()
        assert server.url() == url
        with redis.Redis.from_url(url) as client:
            assert client.get("kept") == b"yes"

    def test_a_directory_whose_name_has_spaces_will_do(self, open_dir: Path) -> None:
        with EmbeddedValkey(open_dir / "my data" / "valkey") as server:
            (open_dir / "my data" / "valkey.log").stat()
            with redis.Redis.from_url(server.url()) as client:
                assert client.ping()

    def test_a_server_left_running_is_adopted(self, server: EmbeddedValkey, open_dir: Path) -> None:
        server.start()
        second = EmbeddedValkey(open_dir / "valkey")
        second.start()
        assert second.adopted
        assert second.url() == server.url()
        second.stop()
        assert wait_for(lambda: not server.is_running(), timeout_seconds=10)

    def test_what_a_dead_one_left_is_cleared_away(self, server: EmbeddedValkey, open_dir: Path) -> None:
        server.start()
        left = Path(server.url().removeprefix("unix://").partition("?")[0])
        assert server.process is not None
        server.process.kill()
        with EmbeddedValkey(open_dir / "valkey") as second:
            assert not second.adopted
            assert not left.exists()

    def test_damaged_files_are_reported_with_a_way_out(self, server: EmbeddedValkey, open_dir: Path) -> None:
        server.start()
        server.stop()
        (open_dir / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
        with pytest.raises(StandaloneError, match=r"(?s)MANIFEST.*move .* away.*loses no annotation"):
            server.start()
