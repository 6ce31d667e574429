"""What the services find in their environment."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hstandalone.environment import overruled, service_environment, service_variables
from hstandalone.postgres import EmbeddedPostgres
from hstandalone.settings import Settings
from hstandalone.valkey import EmbeddedValkey

SECRETS = {"SECRET_KEY": "generated", "CLIENT_ID": "generated id"}

Make = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def postgres(server_directory: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(server_directory / "environment", durable=False) as server:
        yield server


@pytest.fixture
def make(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    def variables(**inherited: str) -> dict[str, str]:
        for name, value in ({"H_DATA": str(tmp_path)} | inherited).items():
            monkeypatch.setenv(name, value)
        return service_variables(
            settings=Settings(),
            secrets=SECRETS,
            postgres=postgres,
            valkey=valkey,
            client_dir=tmp_path / "client",
            inherited=inherited,
        )

    return variables


class TestServiceVariables:
    def test_every_backing_service_has_its_address(self, make: Make) -> None:
        variables = make()
        assert urlsplit(variables["DATABASE_URL"]).path == "/h"
        assert variables["REDIS_URL"].startswith("unix://")
        assert variables["REDIS_URL"].endswith("?db=0")
        assert variables["BROKER_URL"].startswith("redis+socket://")
        assert variables["BROKER_URL"].endswith("?virtual_host=1")
        assert variables["CELERY_BROKER_URL"].endswith("?virtual_host=2")
        assert variables["INSTANCE"] == "embedded"

    def test_addresses_follow_the_port(self, make: Make) -> None:
        variables = make(PORT="5100")
        assert variables["APP_URL"] == "http://localhost:5100"
        assert variables["PORT"] == "5100"
        assert variables["WEBSOCKET_PORT"] == "5101"
        assert variables["WEBSOCKET_URL"] == "ws://localhost:5101/ws"

    def test_behind_a_proxy_the_socket_follows_the_site(self, make: Make) -> None:
        variables = make(APP_URL="https://annotate.example.org/")
        assert variables["APP_URL"] == "https://annotate.example.org"
        assert "WEBSOCKET_URL" not in variables

    def test_the_users_own_socket_address_is_kept(self, make: Make) -> None:
        assert "WEBSOCKET_URL" not in make(WEBSOCKET_URL="wss://socket.example.org/ws")

    def test_mail_is_kept_until_there_is_a_mail_server(self, make: Make, tmp_path: Path) -> None:
        assert make()["MAIL_DIR"] == str(tmp_path / "mail")
        assert "MAIL_DIR" not in make(MAIL_HOST="smtp.example.org")

    def test_the_users_own_secrets_win(self, make: Make) -> None:
        assert make()["SECRET_KEY"] == "generated"
        assert "SECRET_KEY" not in make(SECRET_KEY="own")
        assert "CLIENT_ID" not in make(CLIENT_ID_FILE="/run/secrets/id")


class TestServiceEnvironment:
    def test_settings_of_the_deployment_pass_through(self) -> None:
        environment = service_environment({"PORT": "5000"}, inherited={"UVICORN_WORKERS": "2", "STATSD_HOST": "s"})
        assert environment["UVICORN_WORKERS"] == "2"
        assert environment["STATSD_HOST"] == "s"

    def test_only_this_machine_reaches_it_unless_the_user_says_otherwise(self) -> None:
        environment = service_environment({}, inherited={})
        assert environment["LISTEN_HOST"] == environment["WEBSOCKET_HOST"] == "127.0.0.1"
        environment = service_environment({}, inherited={"LISTEN_HOST": "0.0.0.0", "WEBSOCKET_HOST": ""})  # noqa: S104 - the user's wish
        assert environment["LISTEN_HOST"] == "0.0.0.0"  # noqa: S104 - the same
        assert environment["WEBSOCKET_HOST"] == ""

    def test_ours_win_and_the_users_log_format_too(self) -> None:
        environment = service_environment(
            {"DATABASE_URL": "ours"}, inherited={"DATABASE_URL": "other", "LOG_FORMAT": "console"}
        )
        assert environment["DATABASE_URL"] == "ours"
        assert environment["LOG_FORMAT"] == "console"

    def test_the_api_has_no_limits_unless_the_user_wants_them(self) -> None:
        assert service_environment({}, inherited={})["RATE_LIMITS"] == "false"
        assert service_environment({}, inherited={"RATE_LIMITS": "true"})["RATE_LIMITS"] == "true"

    def test_libpqs_own_variables_do_not_reach_our_server(self) -> None:
        assert "PGOPTIONS" not in service_environment({}, inherited={"PGOPTIONS": "-c search_path=x"})


class TestOverruled:
    def test_servers_of_the_users_are_named(self) -> None:
        assert overruled({"DATABASE_URL": "x", "REDIS_URL": "", "PATH": "/bin"}) == ["DATABASE_URL"]
