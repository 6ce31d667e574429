"""Settings of the embedded mode."""

from pathlib import Path

import pytest
from hstandalone.settings import CHECKOUT, Settings
from pydantic import ValidationError


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "WEBSOCKET_PORT", "H_DATA", "APP_URL"):
        monkeypatch.delenv(name, raising=False)


class TestSettings:
    def test_defaults_lie_in_the_checkout(self) -> None:
        settings = Settings()
        assert (settings.port, settings.socket_port) == (5000, 5001)
        assert settings.site_url == "http://localhost:5000"
        assert settings.data_dir == CHECKOUT / "var"
        assert (CHECKOUT / "Makefile").is_file()

    def test_the_data_directory_may_be_relative_or_of_the_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("H_DATA", "~/h")
        assert Settings().data_dir == (Path.home() / "h").resolve()
        monkeypatch.setenv("H_DATA", "data")
        assert Settings().data_dir == Path.cwd() / "data"

    def test_the_last_port_has_no_neighbour_above(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", "65535")
        with pytest.raises(ValidationError, match="set WEBSOCKET_PORT"):
            Settings()
        monkeypatch.setenv("WEBSOCKET_PORT", "5001")
        assert Settings().socket_port == 5001

    @pytest.mark.parametrize("port", ["0", "65536", "http"])
    def test_a_port_is_a_port(self, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
        monkeypatch.setenv("PORT", port)
        with pytest.raises(ValidationError):
            Settings()

    def test_two_services_cannot_share_a_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WEBSOCKET_PORT", "5000")
        with pytest.raises(ValidationError, match="must differ"):
            Settings()
