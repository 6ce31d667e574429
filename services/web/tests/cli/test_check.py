"""`h check`."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.testing.database import database_url

from services.web.tests.oidc.scripted import Key, serving


class TestCheck:
    def test_passes_when_everything_answers(self, h: Callable[..., Any]) -> None:
        done = h("check", MAIL_DIR="mail", APP_URL="https://example.org")
        assert done.exit_code == 0
        assert "PostgreSQL" in done.output
        assert done.output.count(" ok ") == 3
        assert "note" not in done.output

    @pytest.mark.parametrize(
        ("variables", "name"),
        [
            ({"DATABASE_URL": "postgresql://h:hush@127.0.0.1:1/x"}, "database"),
            ({"REDIS_URL": "redis://:hush@127.0.0.1:1"}, "redis"),
            ({"ELASTICSEARCH_URL": "http://h:hush@127.0.0.1:1"}, "search"),
            ({"MAIL_HOST": "127.0.0.1", "MAIL_PORT": "1"}, "mail"),
        ],
    )
    def test_names_what_fails_and_why(self, h: Callable[..., Any], variables: dict[str, str], name: str) -> None:
        done = h("check", **variables)
        assert done.exit_code == 1
        [line] = [line for line in done.output.splitlines() if "FAILS" in line]
        assert line.startswith(name)
        assert "refused" in line
        assert "hush" not in done.output

    def test_says_what_the_database_says(self, h: Callable[..., Any], postgres_server_url: str) -> None:
        done = h("check", DATABASE_URL=database_url(postgres_server_url, "nowhere"))
        assert 'database "nowhere" does not exist' in done.output

    def test_reaches_the_mail_server(self, h: Callable[..., Any]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            done = h("check", MAIL_HOST="127.0.0.1", MAIL_PORT=str(server.getsockname()[1]))
        assert done.exit_code == 0
        assert "can be reached" in done.output

    def test_asks_the_identity_provider_and_says_what_is_wrong_with_it(self, h: Callable[..., Any]) -> None:
        with serving(key=Key.rsa("first"), clock=time.time) as provider:
            variables = {"OIDC_ISSUER": provider.url, "OIDC_CLIENT_ID": "h", "OIDC_CLIENT_SECRET": "hush"}
            done = h("check", **variables)
            assert done.exit_code == 0
            assert "has to allow the redirect URI http://example.org/oidc/callback" in done.output
            done = h("check", **(variables | {"OIDC_ISSUER": provider.url + "/"}))
            assert done.exit_code == 1
            assert f"is not what the discovery document says (says: {provider.url})" in done.output
            provider.answers["/keys"] = (200, {"keys": []})
            assert "no keys" in h("check", **variables).output

    def test_notes_what_may_not_be_meant(self, h: Callable[..., Any]) -> None:
        done = h("check", APP_URL="http://notes.example.org", CLIENT_SECRET="short")
        assert done.exit_code == 0
        assert done.output.count("note:") == 3
        assert "short\n" not in done.output

    def test_without_configuration_exits_as_every_command(self, h: Callable[..., Any]) -> None:
        assert h("check", SECRET_KEY="").exit_code == 78
