"""The deployment document's example: backing services found by docker links, and nothing else configured."""

import secrets
from collections.abc import Iterator

import httpx2
import pytest

from tests.e2e.infra import single
from tests.e2e.infra.ambassador import AMBASSADOR, IMAGE
from tests.e2e.infra.sinks import MailSink, StatsdSink, free_port
from tests.e2e.infra.waiting import wait_until


class Example:
    """The containers of the example, on docker's default network."""

    def __init__(self) -> None:
        self.mail = MailSink()
        self.statsd = StatsdSink()
        self.port = free_port()
        self._tag = secrets.token_hex(4)
        gateway = single.docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
        postgres = ("-e", "POSTGRES_USER=scott", "-e", "POSTGRES_PASSWORD=tiger", "-e", "POSTGRES_DB=mydatabase")
        self._run("dbserver", *postgres, "postgres:17")
        self._run("rabbitmq", "--expose", "5672", "-e", "RABBITMQ_DEFAULT_VHOST=myvhost", "rabbitmq:4")
        self._run("redis", "redis:8")
        for alias, expose in (("mail", "25"), ("statsd", "8125/udp")):
            arguments = (gateway, str(self.mail.port), str(self.statsd.port))
            self._run(alias, "--expose", expose, IMAGE, "python3", "-c", AMBASSADOR, *arguments)
        self._options = (
            *("-e", "DATABASE_URL=postgresql://scott:tiger@dbserver/mydatabase"),
            *("-e", "BROKER_URL=amqp://guest:guest@rabbitmqserver/myvhost"),
            *("-e", f"SECRET_KEY={secrets.token_urlsafe(48)}", "-e", f"APP_URL=http://localhost:{self.port}"),
            # What the names of the example mean on this machine.
            *("--add-host", f"dbserver:{self._address('dbserver')}"),
            *("--add-host", f"rabbitmqserver:{self._address('rabbitmq')}"),
        )
        self._links = tuple(
            word
            for alias in ("rabbitmq", "redis", "mail", "statsd")
            for word in ("--link", f"{self._name(alias)}:{alias}")
        )

    def run(self, name: str, *arguments: str) -> None:
        """Start a container of ours as the example does."""
        self._run(name, *self._options, *self._links, *arguments)

    def run_once(self, *arguments: str) -> single.Ended:
        """Run one and wait for its end."""
        return single.run(*self._options, *self._links, *arguments)

    def log(self, name: str) -> str:
        """Return what a container has logged."""
        return single.docker("logs", self._name(name))

    def close(self) -> None:
        """Stop listening; the containers are removed with all others."""
        self.mail.close()
        self.statsd.close()

    def _name(self, alias: str) -> str:
        return f"h-e2e-{self._tag}-{alias}"

    def _run(self, alias: str, *arguments: str) -> None:
        single.start("--name", self._name(alias), *arguments)

    def _address(self, alias: str) -> str:
        template = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
        return single.docker("inspect", "--format", template, self._name(alias))


@pytest.fixture
def example() -> Iterator[Example]:
    """The example's containers."""
    running = Example()
    yield running
    running.close()


class TestLinks:
    def test_a_linked_web_container_and_worker_need_no_other_settings(self, example: Example) -> None:
        initialised = example.run_once("h-web", "h", "init")
        assert initialised.status == 0, initialised.output
        example.run("web", "-p", f"{example.port}:5000", "h-web")
        example.run("worker", "h-worker", "h-worker", "all")
        url = f"http://localhost:{example.port}"
        ready = wait_until(lambda: _ready(url), seconds=60, what="the web container is ready")
        assert ready["checks"]["redis"]["ok"], "the link to Redis"
        example.statsd.wait_for(lambda line: line.startswith("h.web.request.readyz"))
        added = example.run_once(
            "h-web",
            "sh",
            "-c",
            "echo 'correct horse battery' | h user add carol --email c@example.org --password-stdin",
        )
        assert added.status == 0, added.output

    def test_mail_goes_to_the_linked_server(self, example: Example) -> None:
        assert example.run_once("h-web", "h", "init").status == 0
        example.run("web", "-p", f"{example.port}:5000", "h-web")
        example.run("worker", "h-worker", "h-worker", "all")
        url = f"http://localhost:{example.port}"
        wait_until(lambda: _ready(url), seconds=60, what="the web container is ready")
        with httpx2.Client(base_url=url) as http:
            field = http.get("/signup").text.partition('name="csrf_token" value="')[2].partition('"')[0]
            account = {"username": "dave", "email": "dave@example.org", "password": "correct horse battery"}
            answer = http.post("/signup", data={"csrf_token": field, "privacy_accepted": "true", **account})
            assert answer.status_code == 200, answer.text
        example.mail.wait_for(to="dave@example.org", subject="activate", seconds=40)


def _ready(url: str) -> dict[str, dict[str, dict[str, bool]]]:
    try:
        answer = httpx2.get(f"{url}/readyz")
    except httpx2.TransportError:
        return {}
    return answer.json() if answer.status_code == 200 else {}
