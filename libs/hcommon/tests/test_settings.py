"""Where settings come from, and what is said when they are missing."""

from pathlib import Path

import pytest
from hcommon.settings import (
    EXIT_CONFIG,
    BrokerSettings,
    DatabaseSettings,
    InstanceSettings,
    LogSettings,
    MailSettings,
    ProxySettings,
    RedisSettings,
    SecretSettings,
    SiteSettings,
    load,
)

DATABASE_URL = "postgresql://h:password@db/h"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DATABASE_URL",
        "BROKER_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "APP_URL",
        "AUTHORITY",
        "MAIL_HOST",
        "MAIL_PORT",
    ):
        monkeypatch.delenv(name, raising=False)


class TestPrecedence:
    def test_a_variable_is_read_by_its_contract_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
        assert DatabaseSettings().database_url.get_secret_value() == DATABASE_URL

    def test_a_file_supplies_a_secret_without_its_line_end(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "url").write_text(DATABASE_URL + "\n")
        monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
        assert DatabaseSettings().database_url.get_secret_value() == DATABASE_URL

    def test_a_variable_wins_over_a_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "url").write_text("postgresql://other/h")
        monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
        monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
        assert DatabaseSettings().database_url.get_secret_value() == DATABASE_URL

    def test_an_empty_variable_counts_as_unset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOG_LEVEL", "")
        assert LogSettings().log_level == "INFO"


class TestDockerLinks:
    def test_a_redis_link_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_PORT_6379_TCP_ADDR", "172.17.0.2")
        monkeypatch.setenv("REDIS_PORT_6379_TCP_PORT", "6379")
        assert RedisSettings().redis_url.get_secret_value() == "redis://172.17.0.2:6379/0"

    def test_a_variable_wins_over_a_link(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_PORT_6379_TCP_ADDR", "172.17.0.2")
        monkeypatch.setenv("REDIS_PORT_6379_TCP_PORT", "6379")
        monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/2")
        assert RedisSettings().redis_url.get_secret_value() == "redis://elsewhere:1/2"

    def test_a_rabbitmq_link_uses_the_linked_containers_account(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RABBITMQ_PORT_5672_TCP_ADDR", "172.17.0.3")
        monkeypatch.setenv("RABBITMQ_PORT_5672_TCP_PORT", "5672")
        monkeypatch.setenv("RABBITMQ_ENV_RABBITMQ_DEFAULT_USER", "h")
        assert BrokerSettings().broker_url.get_secret_value() == "amqp://h:guest@172.17.0.3:5672//"

    def test_dockers_own_mail_port_is_not_mistaken_for_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MAIL_PORT", "tcp://172.17.0.4:25")
        monkeypatch.setenv("MAIL_PORT_25_TCP_ADDR", "172.17.0.4")
        monkeypatch.setenv("MAIL_PORT_25_TCP_PORT", "2525")
        settings = MailSettings()
        assert (settings.mail_host, settings.mail_port) == ("172.17.0.4", 2525)

    def test_a_statsd_link_is_udp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATSD_PORT", "udp://172.17.0.5:8125")
        monkeypatch.setenv("STATSD_PORT_8125_UDP_ADDR", "172.17.0.5")
        monkeypatch.setenv("STATSD_PORT_8125_UDP_PORT", "8125")
        settings = LogSettings()
        assert (settings.statsd_host, settings.statsd_port) == ("172.17.0.5", 8125)


class TestLoad:
    def test_names_every_missing_variable_with_meaning_and_example(self, capsys: pytest.CaptureFixture[str]) -> None:
        class Settings(DatabaseSettings, BrokerSettings):
            pass

        with pytest.raises(SystemExit) as ended:
            load(Settings)
        said = capsys.readouterr().err
        assert ended.value.code == EXIT_CONFIG == 78
        assert "DATABASE_URL: is missing" in said
        assert "example: DATABASE_URL=postgresql://h:password@postgres/h" in said
        assert "BROKER_URL: is missing" in said

    def test_never_prints_the_value_of_a_wrong_secret(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SECRET_KEY", "too-short-a-secret")
        with pytest.raises(SystemExit):
            load(SecretSettings)
        said = capsys.readouterr().err
        assert "SECRET_KEY: must have at least 32 bytes" in said
        assert "too-short-a-secret" not in said

    def test_says_which_file_cannot_be_read(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SECRET_KEY_FILE", "/nowhere/at/all")
        with pytest.raises(SystemExit) as ended:
            load(SecretSettings)
        assert ended.value.code == EXIT_CONFIG
        assert "SECRET_KEY_FILE: cannot read /nowhere/at/all" in capsys.readouterr().err

    def test_refuses_another_database(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "mysql://h@db/h")
        with pytest.raises(SystemExit):
            load(DatabaseSettings)
        assert "DATABASE_URL: must start with postgresql://" in capsys.readouterr().err


class TestSite:
    def test_the_authority_is_the_host_of_the_site(self) -> None:
        assert SiteSettings(app_url="https://annotate.example.org:8443").authority == "annotate.example.org"

    def test_an_explicit_authority_stays(self) -> None:
        assert SiteSettings(app_url="https://a.example.org", authority="example.org").authority == "example.org"

    def test_a_slash_at_the_end_is_dropped(self) -> None:
        assert SiteSettings(app_url="https://example.org/").app_url == "https://example.org"

    @pytest.mark.parametrize(
        "url", ["example.org", "ftp://example.org", "https://example.org/h", "https://example.org?x"]
    )
    def test_anything_but_the_root_of_a_site_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match="must"):
            SiteSettings(app_url=url)


class TestLists:
    def test_proxies_are_separated_by_spaces_or_commas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8\t::1")
        assert ProxySettings().trusted_proxies == ("127.0.0.1", "10.0.0.0/8", "::1")
        assert [str(network) for network in ProxySettings().proxy_networks()] == [
            "127.0.0.1/32",
            "10.0.0.0/8",
            "::1/128",
        ]

    def test_something_that_is_no_address_is_refused(self) -> None:
        with pytest.raises(ValueError, match="does not appear to be"):
            ProxySettings(trusted_proxies=("proxy.example.org",))


class TestInstance:
    def test_the_default_is_the_host_name(self) -> None:
        assert InstanceSettings().instance

    def test_a_name_that_would_not_do_for_a_queue_is_refused(self) -> None:
        with pytest.raises(ValueError, match="pattern"):
            InstanceSettings(instance="a b")
