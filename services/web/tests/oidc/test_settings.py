"""What a site is told of its provider, and what it hears when that is wrong."""

import pytest
from hcommon.settings import EXIT_CONFIG, load
from hweb.settings import Settings

WHOLE = {"OIDC_ISSUER": "https://login.test/realms/x", "OIDC_CLIENT_ID": "h", "OIDC_CLIENT_SECRET": "hush"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://h@db/h")
    monkeypatch.setenv("REDIS_URL", "redis://redis")
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    monkeypatch.delenv("PASSWORD_LOGIN", raising=False)
    for name in WHOLE:
        monkeypatch.delenv(name, raising=False)


class TestProvider:
    def test_is_none_unless_it_is_told(self) -> None:
        settings = load(Settings)
        assert settings.provider_name is None
        assert settings.password_login

    def test_is_called_what_it_is_told_or_by_its_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in WHOLE.items():
            monkeypatch.setenv(name, value)
        assert load(Settings).provider_name == "login.test"
        monkeypatch.setenv("OIDC_NAME", "Example University")
        monkeypatch.setenv("PASSWORD_LOGIN", "false")
        settings = load(Settings)
        assert settings.provider_name == "Example University"
        assert settings.oidc_scopes == ("openid", "profile", "email")
        assert "hush" not in repr(settings)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET must be set too"),
            ({"OIDC_ISSUER": "", "OIDC_CLIENT_ID": ""}, "OIDC_ISSUER and OIDC_CLIENT_ID must be set too"),
            ({"OIDC_ISSUER": "http://login.test"}, "OIDC_ISSUER: must be an https URL"),
            ({"OIDC_ISSUER": "https://login.test/?x"}, "OIDC_ISSUER: must be an https URL"),
            ({"OIDC_ISSUER": "login.test"}, "OIDC_ISSUER: must be an https URL"),
            ({"OIDC_ISSUER": "https://"}, "OIDC_ISSUER: must be an https URL"),
            ({"OIDC_SCOPES": "profile email"}, "OIDC_SCOPES: must contain openid"),
            (
                {"OIDC_ISSUER": "", "OIDC_CLIENT_ID": "", "OIDC_CLIENT_SECRET": "", "PASSWORD_LOGIN": "false"},
                "PASSWORD_LOGIN=false needs OIDC_ISSUER",
            ),
        ],
        ids=str,
    )
    def test_is_told_wholly_or_the_service_does_not_start(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        changes: dict[str, str],
        said: str,
    ) -> None:
        for name, value in (WHOLE | changes).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            load(Settings)
        assert ended.value.code == EXIT_CONFIG
        printed = capsys.readouterr().err
        assert said in printed
        assert "hush" not in printed

    @pytest.mark.parametrize("issuer", ["http://localhost:8080/realms/x", "http://127.0.0.1:1", "http://[::1]:1/"])
    def test_may_be_on_this_machine_without_encryption(self, monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
        for name, value in (WHOLE | {"OIDC_ISSUER": issuer}).items():
            monkeypatch.setenv(name, value)
        assert load(Settings).oidc_issuer == issuer
