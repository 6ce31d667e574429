"""The whole of `make run`: check, fetch, start, wait, supervise, stop."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hcommon.settings import EXIT_CONFIG

from hstandalone import checks, lock, processes
from hstandalone.client import fetch_client
from hstandalone.clientpackage import read_pin
from hstandalone.diskwatch import DiskWatch
from hstandalone.environment import DATABASE, overruled, service_environment, service_variables
from hstandalone.errors import StandaloneError
from hstandalone.leftovers import end_leftovers, remember
from hstandalone.logfiles import rotate, size, tail
from hstandalone.postgres import EmbeddedPostgres
from hstandalone.readiness import answers
from hstandalone.screen import Screen
from hstandalone.secretfile import load_secrets, write_private
from hstandalone.services import Service, ServiceSpec
from hstandalone.settings import CHECKOUT, Settings
from hstandalone.stopping import StopRequest, StopRequestedError
from hstandalone.supervisor import Supervisor, Unit
from hstandalone.valkey import EmbeddedValkey

CLIENT_PIN = CHECKOUT / "services" / "web" / "client-package.json"
"""Which client is fetched; a file so that the web image's build reads the same one."""

_TICK_SECONDS = 0.25
_START_TICK_SECONDS = 0.05


class RefusedConfigurationError(StandaloneError):
    """A service says that its settings are wrong; starting it again would change nothing."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        settings: Where.
        inherited: The user's environment.
        services: The services, in the order of start and stop; the first starts beside initialisation.
        init_argv: The command that makes the schema and what else must be there, run at every start.
        ready_seconds: How long the services may take until they answer, after initialisation.
    """

    settings: Settings
    inherited: Mapping[str, str]
    services: Sequence[ServiceSpec]
    init_argv: Sequence[str]
    ready_seconds: float = 60.0


class Embedded:
    """One run of the embedded system."""

    def __init__(self, plan: Plan, *, screen: Screen, stop: StopRequest) -> None:
        self._plan = plan
        self._settings = plan.settings
        self._data_dir = plan.settings.data_dir
        self._screen = screen
        self._stop = stop
        self._supervisor = Supervisor(screen=screen, monotonic=time.monotonic, on_start=self._remember)

    def run(self) -> None:
        """Run until somebody wants us to stop; nothing of ours runs afterwards, however it ends.

        Raises:
            StandaloneError: It cannot start; the text says what to do.
        """
        checks.make_data_directory(self._data_dir)
        with lock.held(self._data_dir / "lock", address=self._settings.site_url):
            self._check()
            postgres = EmbeddedPostgres(self._data_dir / "postgres", log_path=self._log_path("postgres"))
            valkey = EmbeddedValkey(self._data_dir / "valkey", log_path=self._log_path("valkey"))
            try:
                client_dir = self._fetch_client()
                self._start(postgres, valkey, client_dir)
                self._announce()
                self._supervise(DiskWatch((self._data_dir, postgres.data_dir), screen=self._screen))
            except StopRequestedError:
                self._screen.say("Stopped before everything was started.")
            finally:
                self._supervisor.stop(last=(valkey, postgres))
                (self._data_dir / "run.json").unlink(missing_ok=True)

    def _check(self) -> None:
        if end_leftovers(self._data_dir / "run.json"):
            self._screen.say("Stopped what an earlier run had left behind.")
        checks.check_disk(self._data_dir)
        checks.check_port(self._settings.port, variable="PORT")
        checks.check_port(self._settings.socket_port, variable="WEBSOCKET_PORT")
        for name in overruled(self._plan.inherited):
            self._screen.say(f"{name} is set but not used: the embedded mode brings its own server.")

    def _fetch_client(self) -> Path:
        pin = read_pin(CLIENT_PIN)
        with self._screen.step(f"Hypothesis client {pin.version}"):
            return fetch_client(self._data_dir / "client", pin=pin, env=self._plan.inherited, stop=self._stop)

    def _start(self, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, client_dir: Path) -> None:
        if postgres.relocated:
            checks.check_disk(postgres.data_dir.parent)
            self._screen.say(
                f"The database is kept in {postgres.data_dir}: PostgreSQL does not run as root, and the account "
                f"that runs it may not enter {self._data_dir}."
            )
        with self._screen.step("PostgreSQL"):
            self._supervisor.start(postgres)
            postgres.ensure_database(DATABASE)
        self._stop.check()
        with self._screen.step("Valkey"):
            self._supervisor.start(valkey)
        self._stop.check()
        variables = service_variables(
            settings=self._settings,
            secrets=load_secrets(self._data_dir / "secrets.json"),
            postgres=postgres,
            valkey=valkey,
            client_dir=client_dir,
            inherited=self._plan.inherited,
        )
        write_private(self._data_dir / "environment.json", variables)
        env = service_environment(variables, inherited=self._plan.inherited)
        first, *others = [Service(spec, env=env, log_dir=self._data_dir / "log") for spec in self._plan.services]
        # Loading its modules is most of a start: two at a time, and first those that somebody waits for.
        self._supervisor.start(first)
        self._initialise(env)
        for service in others:
            self._supervisor.start(service)
        self._await_services([first, *others])

    def _initialise(self, env: Mapping[str, str]) -> None:
        """Run `h init`."""
        log_path = self._log_path("init")
        rotate(log_path)
        log_start = size(log_path)
        with self._screen.step("Database schema and first settings"):
            job = processes.spawn(self._plan.init_argv, env=env, log_path=log_path)
            try:
                while job.is_running():
                    self._look_after(seconds=_START_TICK_SECONDS)
            finally:
                job.kill()
        said = tail(log_path, after_byte=log_start, lines=40)
        if job.exit_code() != 0:
            kind = RefusedConfigurationError if job.exit_code() == EXIT_CONFIG else StandaloneError
            raise kind(f"h init {job.ending()}. It said:\n{said}")
        self._screen.say(said)  # perhaps the link that makes the first administrator

    def _await_services(self, services: Sequence[Service]) -> None:
        deadline = time.monotonic() + self._plan.ready_seconds
        with self._screen.step("Services"):
            waiting = [service for service in services if service.spec.ready_url is not None]
            while waiting:
                self._look_after(seconds=_START_TICK_SECONDS)
                for service in services:
                    if service.exit_code() == EXIT_CONFIG:
                        raise RefusedConfigurationError(f"{service.name}:\n{service.last_words()}")
                if time.monotonic() > deadline:
                    first = waiting[0]
                    raise StandaloneError(
                        f"{first.name} does not answer at {first.spec.ready_url}. The end of its log in "
                        f"{self._data_dir / 'log'}:\n{first.last_words()}"
                    )
                waiting = [service for service in waiting if not answers(service.spec.ready_url or "")]

    def _announce(self) -> None:
        self._screen.say("")
        self._screen.say("h is running. Open this address in your browser:")
        self._screen.address(self._settings.site_url)
        self._screen.say(f"Data and logs are in {self._data_dir}. Ctrl-C stops everything and loses nothing.")

    def _supervise(self, disks: DiskWatch) -> None:
        while not self._stop.requested:
            self._supervisor.tick()
            disks.look()
            time.sleep(_TICK_SECONDS)
        self._screen.say("Stopping.")

    def _look_after(self, *, seconds: float) -> None:
        self._stop.check()
        self._supervisor.tick()
        time.sleep(seconds)

    def _remember(self, units: Sequence[Unit]) -> None:
        remember(
            self._data_dir / "run.json",
            [unit.process for unit in units if isinstance(unit, Service) and unit.process is not None],
        )

    def _log_path(self, name: str) -> Path:
        return self._data_dir / "log" / f"{name}.log"
