"""Settings from the environment."""

from typing import Any

import pytest
from hwebsocket.settings import Settings
from pydantic import ValidationError

NEEDED: dict[str, Any] = {"database_url": "postgresql://h@localhost/h", "broker_url": "amqp://localhost"}


class TestAllowedOrigins:
    @pytest.mark.parametrize(
        "text", ["https://a.org http://b.org:81", "https://a.org,http://b.org:81", " https://a.org ,\nhttp://b.org:81 "]
    )
    def test_are_separated_by_spaces_or_commas(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", text)
        assert Settings(**NEEDED).allowed_origins == ("https://a.org", "http://b.org:81")

    def test_a_star_is_allowed(self) -> None:
        assert Settings(**NEEDED, allowed_origins="*").allowed_origins == ("*",)

    @pytest.mark.parametrize("text", ["example.org", "https://a.org/path", "https://a.org *.b.org"])
    def test_anything_that_is_no_origin_is_refused_by_name(self, text: str) -> None:
        with pytest.raises(ValidationError, match="is not an origin"):
            Settings(**NEEDED, allowed_origins=text)


class TestSettings:
    def test_have_the_documented_defaults(self) -> None:
        settings = Settings(**NEEDED)
        assert settings.websocket_port == 5001
        assert settings.websocket_max_message_bytes == 65_536
        assert settings.websocket_ping_interval_seconds == 30

    def test_every_one_says_what_it_is_for(self) -> None:
        assert all(field.description for field in Settings.model_fields.values())
