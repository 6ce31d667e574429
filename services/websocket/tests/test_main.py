"""The process: its start, its signals and its log."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from hcommon.events.annotations import AnnotationCreated
from hstandalone.valkey import EmbeddedValkey
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

COMMAND = [sys.executable, "-c", "from hwebsocket.main import main; main()"]
SECONDS = 30.0


class Process:
    """A running `h-websocket`, and what it wrote to its log."""

    def __init__(self, log: Path, *, prefix: tuple[str, ...] = ()) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen([*prefix, *COMMAND], stderr=output)

    def log(self) -> str:
        return self._log.read_text()

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + SECONDS
        while (match := re.search(pattern, self.log())) is None:
            assert time.monotonic() < deadline, self.log()
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)
        return match

    @property
    def port(self) -> int:
        return int(self.wait_for_log(r'"port":(\d+)')[1])

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS
        while self.get("/readyz") != 200:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def get(self, path: str) -> int:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(SECONDS)


SetEnvironment = Callable[..., None]
Start = Callable[..., Process]


@pytest.fixture
def set_environment(own_world: Any, valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Sets the environment of processes that are started afterwards."""

    def set_variables(**variables: str) -> None:
        values = {
            "DATABASE_URL": own_world.database_url,
            "BROKER_URL": valkey.broker_url(5),
            "WEBSOCKET_HOST": "127.0.0.1",
            "WEBSOCKET_PORT": "0",
            "WEBSOCKET_DRAIN_SECONDS": "0.2",
            "INSTANCE": "test-main",
            "LOG_LEVEL": "DEBUG",
        }
        for name, value in (values | variables).items():
            monkeypatch.setenv(name, value)

    set_variables()
    return set_variables


@pytest.fixture
def start(set_environment: SetEnvironment, tmp_path: Path) -> Iterator[Start]:
    """Starts `h-websocket` in the environment of that moment."""
    started: list[Process] = []

    def start_one(*prefix: str) -> Process:
        started.append(Process(tmp_path / f"log-{len(started)}", prefix=prefix))
        return started[-1]

    yield start_one
    for process in started:
        process.process.kill()
        process.process.wait()


class TestStart:
    def test_without_settings_it_says_which_and_exits_78(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("DATABASE_URL", "BROKER_URL"):
            monkeypatch.delenv(name, raising=False)
        result = subprocess.run(COMMAND, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert result.returncode == 78
        assert "DATABASE_URL: is missing" in result.stderr
        assert "BROKER_URL: is missing" in result.stderr

    def test_it_waits_for_the_schema_and_can_be_stopped_meanwhile(self, start: Start, own_world: Any) -> None:
        with own_world.session() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        process = start()
        process.wait_for_log("at 0000, this release needs")
        assert process.stop() == 0

    def test_it_says_that_any_origin_may_connect(self, start: Start, set_environment: SetEnvironment) -> None:
        set_environment(ALLOWED_ORIGINS="*")
        process = start()
        process.wait_for_log("any_origin_allowed")
        process.wait_until_ready()
        assert process.stop() == 0


class TestFileLimit:
    def test_sockets_stay_below_it_and_the_log_says_so(
        self, start: Start, set_environment: SetEnvironment, make_client: Any
    ) -> None:
        set_environment(WEBSOCKET_MAX_CONNECTIONS="1000")
        process = start("sh", "-c", 'ulimit -n 258; exec "$@"', "sh")
        process.wait_for_log(r'"sockets":2,"asked":1000.*file_limit_is_low')
        process.wait_until_ready()
        with make_client(process.port), make_client(process.port):
            with pytest.raises(InvalidStatus) as caught, make_client(process.port):
                pass
            assert caught.value.response.status_code == 503
        assert process.stop() == 0


class TestStop:
    def test_sockets_are_sent_away_with_1012(
        self, start: Start, own_world: Any, make_client: Any, new_page: Callable[[], str]
    ) -> None:
        page, process = new_page(), start()
        annotation = own_world.annotation(target_uri=page)
        process.wait_until_ready()
        with ExitStack() as stack:
            clients = [stack.enter_context(make_client(process.port)) for _ in range(5)]
            for client in clients:
                client.subscribe(uri=[page])
            own_world.publish(AnnotationCreated, annotation=annotation)
            assert all(client.receive()["options"] == {"action": "create"} for client in clients)
            process.process.terminate()
            assert {client.closed() for client in clients} == {(1012, "service restart")}
            assert process.process.wait(SECONDS) == 0
        assert '"event":"stopped"' in process.log()

    def test_those_that_wait_for_their_turn_hear_of_events_until_then(
        self,
        start: Start,
        set_environment: SetEnvironment,
        own_world: Any,
        make_client: Any,
        new_page: Callable[[], str],
    ) -> None:
        set_environment(WEBSOCKET_DRAIN_SECONDS="600")
        page, process = new_page(), start()
        annotation = own_world.annotation(target_uri=page)
        process.wait_until_ready()
        with ExitStack() as stack:
            clients = [stack.enter_context(make_client(process.port)) for _ in range(300)]
            clients[-1].subscribe(uri=[page])
            process.process.terminate()
            clients[0].closed()
            own_world.publish(AnnotationCreated, annotation=annotation)
            assert clients[-1].receive()["options"] == {"action": "create"}
            assert clients[-1].closed()[0] == 1012

    def test_a_second_signal_ends_it_at_once(
        self, start: Start, set_environment: SetEnvironment, make_client: Any
    ) -> None:
        set_environment(WEBSOCKET_DRAIN_SECONDS="600")
        process = start()
        process.wait_until_ready()
        with ExitStack() as stack:
            clients = [stack.enter_context(make_client(process.port)) for _ in range(300)]
            process.process.terminate()
            clients[0].closed()
            process.process.send_signal(signal.SIGTERM)
            assert process.process.wait(SECONDS) == 1


class TestLog:
    def test_never_holds_a_query_string(self, start: Start, own_world: Any, make_client: Any) -> None:
        token = own_world.token(own_world.user())
        secrets = [token, "5768-in-a-bad-request", "5768-refused", "5768-nowhere", "5768-malformed"]
        process = start()
        process.wait_until_ready()
        with make_client(process.port, token=token) as client:
            client.socket.send("not json")
            client.closed()
        assert process.get(f"/ws?access_token={secrets[1]}%FF") == 400
        assert process.get(f"/nothing?access_token={secrets[3]}") == 404
        with pytest.raises(InvalidStatus), make_client(process.port, token=secrets[2], origin="https://evil.test"):
            pass
        with socket.create_connection(("127.0.0.1", process.port), timeout=SECONDS) as connection:
            connection.sendall(f"GET /ws?access_token={secrets[4]}\x7f HTTP/1.1\r\nBad Header\r\n\r\n".encode())
            assert b" 400 " in connection.recv(1000)
        assert process.stop() == 0
        log = process.log()
        assert '"path":"/ws"' in log
        assert "origin_refused" in log
        assert [secret for secret in secrets if secret in log] == []
        assert "access_token" not in log


class TestMemory:
    def test_an_idle_process_stays_small(self, start: Start) -> None:
        process = start()
        process.wait_until_ready()
        rollup = Path(f"/proc/{process.process.pid}/smaps_rollup").read_text()
        (pss,) = re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        assert int(pss) < 120_000  # about 80 000, and what measuring coverage takes
