"""The whole of `make run`, with small programs in the places of the services."""

import io
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from hcommon.settings import EXIT_CONFIG
from hcommon.testing.ports import free_port
from hstandalone import lock
from hstandalone.clientpackage import read_pin
from hstandalone.errors import StandaloneError
from hstandalone.processes import wait_for
from hstandalone.readiness import answers
from hstandalone.run import CLIENT_PIN, Embedded, Plan, RefusedConfigurationError
from hstandalone.screen import Screen
from hstandalone.services import ServiceSpec
from hstandalone.settings import Settings
from hstandalone.stopping import StopRequest

# Answers every request with what it finds in its environment; says so when it is told to stop.
WEB = """
import http.server, json, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ) | {"pid": os.getpid()}).encode())

def stop(*_):
    print("stopped in order", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
INIT = "print('Become the first admin: http://localhost/one-time-link')\n"

Program = Callable[[str], list[str]]
Run = Callable[..., str]


@pytest.fixture
def data_dir(open_dir: Path) -> Path:
    """A data directory that has the client already."""
    directory = open_dir / "var"
    directory.mkdir(mode=0o711)
    build = directory / "client" / read_pin(CLIENT_PIN).version / "build"
    build.mkdir(parents=True)
    (build / "boot.js").touch()
    return directory


@pytest.fixture
def plan(data_dir: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Plan:
    for name, value in (("H_DATA", str(data_dir)), ("PORT", str(free_port())), ("WEBSOCKET_PORT", str(free_port()))):
        monkeypatch.setenv(name, value)
    settings = Settings()
    return Plan(
        settings=settings,
        inherited={"PATH": os.defpath},
        services=(
            ServiceSpec(name="web", argv=tuple(program(WEB)), ready_url=f"http://127.0.0.1:{settings.port}/livez"),
            ServiceSpec(name="worker", argv=tuple(program("import time\ntime.sleep(600)\n"))),
        ),
        init_argv=program(INIT),
        ready_seconds=30.0,
    )


@pytest.fixture
def run(plan: Plan, screen: Screen, output: io.StringIO) -> Run:
    """Run the plan until it is ready, then do something, then stop it; return what was shown."""

    def until(
        action: Callable[[], None] = lambda: None, *, ready: Callable[[], bool] | None = None, **changes: object
    ) -> str:
        stop = StopRequest()
        failures: list[BaseException] = []

        over = threading.Event()
        is_ready = ready or (lambda: "is running" in output.getvalue())

        def visit() -> None:
            try:
                if wait_for(lambda: over.is_set() or is_ready(), timeout_seconds=60) and not over.is_set():
                    action()
            except BaseException as error:  # noqa: BLE001 - raised again below, in the test's own thread
                failures.append(error)
            finally:
                stop.requested = True

        visitor = threading.Thread(target=visit)
        visitor.start()
        try:
            Embedded(replace(plan, **changes), screen=screen, stop=stop).run()  # type: ignore[arg-type] # fields of Plan
        finally:
            over.set()
            visitor.join()
        if failures:
            raise failures[0]
        return output.getvalue()

    return until


@pytest.fixture
def pids(data_dir: Path) -> Callable[[], Mapping[str, object]]:
    """Ids of the services that run now."""
    return lambda: json.loads((data_dir / "run.json").read_text())


class TestRun:
    def test_it_starts_everything_and_leaves_nothing_behind(
        self, run: Run, plan: Plan, data_dir: Path, pids: Callable[[], Mapping[str, object]],
        ended: Callable[[int], bool],
    ) -> None:  # fmt: skip
        seen: list[int] = []

        def look() -> None:
            variables = json.loads((data_dir / "environment.json").read_text())
            psycopg2.connect(variables["DATABASE_URL"]).close()
            seen.extend(map(int, pids()))
            assert lock.is_held(data_dir / "lock")

        shown = run(look)
        assert plan.settings.site_url in shown
        assert "http://localhost/one-time-link" in shown
        assert len(seen) == 2
        assert all(ended(pid) for pid in seen)
        assert "stopped in order" in (data_dir / "log" / "web.log").read_text()
        assert not (data_dir / "postgres" / "postmaster.pid").exists()
        assert (data_dir / "environment.json").stat().st_mode & 0o777 == 0o600

    def test_a_second_run_finds_the_same_database_and_secrets(self, run: Run, data_dir: Path) -> None:
        run()
        secrets = (data_dir / "secrets.json").read_text()
        oid = (data_dir / "postgres" / "PG_VERSION").stat().st_ino
        run()
        assert (data_dir / "secrets.json").read_text() == secrets
        assert (data_dir / "postgres" / "PG_VERSION").stat().st_ino == oid

    def test_a_service_that_dies_is_started_again(
        self, run: Run, plan: Plan, output: io.StringIO, pids: Callable[[], Mapping[str, object]]
    ) -> None:
        url = f"http://127.0.0.1:{plan.settings.port}/livez"

        def kill_web() -> None:
            before = set(pids())
            for pid in before:
                os.kill(int(pid), signal.SIGKILL)
            assert wait_for(lambda: not answers(url), timeout_seconds=10)
            assert wait_for(lambda: answers(url), timeout_seconds=20)
            assert not before & set(pids())

        shown = run(kill_web)
        assert "web was ended by SIGKILL; starting it again in 1 s." in shown
        assert "worker was ended by SIGKILL; starting it again in 1 s." in shown

    def test_the_servers_are_started_again_at_the_same_address(self, run: Run, data_dir: Path) -> None:
        def kill_servers() -> None:
            variables = json.loads((data_dir / "environment.json").read_text())
            postmaster = int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
            cache = int((data_dir / "valkey" / "valkey.pid").read_text())
            os.kill(postmaster, signal.SIGKILL)
            os.kill(cache, signal.SIGKILL)

            def both_are_back() -> bool:
                try:
                    psycopg2.connect(variables["DATABASE_URL"]).close()
                    return int((data_dir / "valkey" / "valkey.pid").read_text()) != cache
                except (psycopg2.OperationalError, ValueError, FileNotFoundError):
                    return False

            assert wait_for(lambda: not both_are_back(), timeout_seconds=10)
            assert wait_for(both_are_back, timeout_seconds=30)

        shown = run(kill_servers)
        assert "PostgreSQL was ended by SIGKILL" in shown
        assert "Valkey was ended by SIGKILL" in shown

    def test_a_second_one_says_where_the_first_is(self, run: Run, plan: Plan, data_dir: Path) -> None:
        with (
            lock.held(data_dir / "lock", address="http://localhost:5123"),
            pytest.raises(lock.AlreadyRunningError, match="http://localhost:5123"),
        ):
            run()

    def test_servers_of_the_users_are_not_used_and_that_is_said(self, run: Run) -> None:
        shown = run(inherited={"PATH": os.defpath, "DATABASE_URL": "postgresql://production/h"})
        assert "DATABASE_URL is set but not used" in shown

    @pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user can always reach what is theirs")
    def test_a_database_that_lies_elsewhere_is_announced(self, run: Run, data_dir: Path) -> None:
        data_dir.chmod(0o700)
        shown = run()
        found = re.search(r"The database is kept in (/var/lib/h/[0-9a-f]{12})/postgres", shown)
        assert found is not None
        shutil.rmtree(found.group(1))


class TestStart:
    def test_it_can_be_stopped_while_it_starts(self, run: Run, program: Program, data_dir: Path) -> None:
        started = data_dir / "log" / "init.log"
        shown = run(
            init_argv=program("import time\nprint('initialising', flush=True)\ntime.sleep(600)\n"),
            ready=lambda: started.exists() and "initialising" in started.read_text(),
        )
        assert "Stopped before everything was started." in shown
        assert not (data_dir / "postgres" / "postmaster.pid").exists()

    def test_an_initialisation_that_fails_is_quoted(self, run: Run, program: Program) -> None:
        with pytest.raises(StandaloneError, match=r"(?s)h init ended with exit code 1.*cannot migrate"):
            run(init_argv=program("raise SystemExit('cannot migrate')\n"))

    def test_a_service_whose_settings_are_wrong_is_not_tried_again(
        self, run: Run, plan: Plan, program: Program
    ) -> None:
        web = replace(
            plan.services[0],
            argv=tuple(program(f"import sys\nprint('AUTHORITY: is wrong')\nsys.exit({EXIT_CONFIG})\n")),
        )
        with pytest.raises(RefusedConfigurationError, match=r"(?s)web:.*AUTHORITY: is wrong"):
            run(services=(web,))

    def test_an_initialisation_that_refuses_the_settings_is_told_apart(self, run: Run, program: Program) -> None:
        with pytest.raises(RefusedConfigurationError, match="bad setting"):
            run(init_argv=program(f"import sys\nprint('bad setting')\nsys.exit({EXIT_CONFIG})\n"))

    def test_a_service_that_never_answers_is_given_up_with_the_end_of_its_log(
        self, run: Run, plan: Plan, program: Program
    ) -> None:
        web = replace(
            plan.services[0], argv=tuple(program("import time\nprint('dreaming', flush=True)\ntime.sleep(600)\n"))
        )
        with pytest.raises(StandaloneError, match=r"(?s)web does not answer at http://127\.0\.0\.1:.*dreaming"):
            run(services=(web,), ready_seconds=2.0)

    def test_what_an_earlier_run_left_is_ended_first(
        self, run: Run, data_dir: Path, program: Program, environment: dict[str, str]
    ) -> None:
        from hstandalone.leftovers import remember  # noqa: PLC0415 - what a run that was killed would have done
        from hstandalone.processes import spawn  # noqa: PLC0415 - the same

        left = spawn(program("import time\ntime.sleep(600)\n"), env=environment, log_path=data_dir / "left.log")
        remember(data_dir / "run.json", [left])
        assert "Stopped what an earlier run had left behind." in run()
        assert not left.is_running()
