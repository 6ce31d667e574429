"""`h init`."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hcommon.clock import SystemClock
from hcommon.crypto import KeyRing
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.models import AuthClient, Group, User
from hcommon.testing.database import database_url
from hweb.accounts import passwords
from hweb.settings import Settings
from sqlalchemy import create_engine, func, select, text

_numbers = count(1)
H = [sys.executable, "-c", "from hweb.cli.main import main; main()"]


@pytest.fixture
def empty_database_url(postgres_server_url: str) -> Iterator[str]:
    """URL of a database without tables."""
    name = f"h_empty_{next(_numbers)}"
    engine = create_engine(database_url(postgres_server_url, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield database_url(postgres_server_url, name)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def rows(database: Database, *columns: Any) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(*columns)).mappings()]


class TestFoundation:
    def test_creates_the_public_group(self, h: Callable[..., Any], database: Database) -> None:
        assert h("init").exit_code == 0
        found = rows(database, Group.pubid, Group.authority, Group.readable_by, Group.writeable_by, Group.name)
        assert found == [
            {
                "pubid": "__world__",
                "authority": "example.org",
                "readable_by": "world",
                "writeable_by": "authority",
                "name": "Public",
            }
        ]

    def test_creates_the_client_of_the_sidebar(
        self, h: Callable[..., Any], database: Database, environment: dict[str, str]
    ) -> None:
        h("init")
        expected = Settings(
            database_url="postgresql://x", redis_url="redis://x", secret_key=environment["SECRET_KEY"]
        ).oauth_client_id
        [found] = rows(database, AuthClient.id, AuthClient.redirect_uri, AuthClient.trusted, AuthClient.grant_type)
        assert found == {
            "id": expected,
            "redirect_uri": "http://example.org/app.html",
            "trusted": True,
            "grant_type": "authorization_code",
        }

    def test_brings_the_client_to_what_the_settings_say(
        self, h: Callable[..., Any], database: Database, environment: dict[str, str]
    ) -> None:
        client_id = "11111111-2222-4333-8444-555555555555"
        secrets = ["a client secret of 32 bytes or more", "another client secret, long enough", ""]
        keys = KeyRing(environment["SECRET_KEY"])
        for secret in secrets:
            assert h("init", CLIENT_ID=client_id, CLIENT_SECRET=secret, AUTHORITY="example.org").exit_code == 0
            [found] = rows(database, AuthClient.id, AuthClient.secret_encrypted)
            assert str(found["id"]) == client_id
            kept = found["secret_encrypted"]
            assert (keys.decrypt("authclient", kept) if kept else "") == secret
            assert not secret or secret not in kept
        h("init", CLIENT_ID=client_id, APP_URL="https://example.org")
        assert rows(database, AuthClient.redirect_uri) == [{"redirect_uri": "https://example.org/app.html"}]

    def test_encrypts_the_secret_anew_when_the_key_was_lost(self, h: Callable[..., Any], database: Database) -> None:
        variables = {"CLIENT_SECRET": "a client secret of 32 bytes or more", "CLIENT_ID": "1" * 32}
        new_key = "another master secret, also long enough"
        h("init", **variables)
        assert h("init", SECRET_KEY=new_key, **variables).exit_code == 0
        [found] = rows(database, AuthClient.secret_encrypted)
        assert KeyRing(new_key).decrypt("authclient", found["secret_encrypted"]) == variables["CLIENT_SECRET"]

    def test_changes_nothing_the_second_time(self, h: Callable[..., Any], database: Database) -> None:
        environment = {"CLIENT_SECRET": "a client secret of 32 bytes or more"}
        h("init", **environment)
        before = rows(database, AuthClient.secret_encrypted, AuthClient.created)
        assert h("init", **environment).exit_code == 0
        assert rows(database, AuthClient.secret_encrypted, AuthClient.created) == before
        assert rows(database, func.count(Group.id))[0]["count_1"] == 1

    def test_refuses_another_authority(self, h: Callable[..., Any], database: Database) -> None:
        h("init")
        refused = h("init", AUTHORITY="other.org")
        assert refused.exit_code == 1
        assert "AUTHORITY=example.org" in refused.output


class TestAdmin:
    def test_is_made_from_the_settings(self, h: Callable[..., Any], database: Database) -> None:
        done = h("init", ADMIN_USERNAME="admin", ADMIN_PASSWORD="long enough")
        assert done.exit_code == 0
        assert "admin administers the site" in done.output
        [found] = rows(database, User.username, User.admin, User.email, User.activated_at, User.password_hash)
        assert (found["username"], found["admin"], found["email"]) == ("admin", True, None)
        assert found["activated_at"] is not None
        assert passwords.is_right(found["password_hash"], "long enough")
        assert "long enough" not in done.output

    def test_is_made_once(self, h: Callable[..., Any], database: Database) -> None:
        for name in ("first", "second"):
            assert h("init", ADMIN_USERNAME=name, ADMIN_PASSWORD="long enough").exit_code == 0
        assert rows(database, User.username) == [{"username": "first"}]

    def test_is_not_somebody_who_signed_up_under_the_name(self, h: Callable[..., Any], database: Database) -> None:
        h("user", "add", "root", "--password-stdin", stdin="long enough\n")
        done = h("init", ADMIN_USERNAME="root", ADMIN_PASSWORD="something else")
        assert done.exit_code == 0
        assert "h user admin root" in done.output
        assert rows(database, User.admin) == [{"admin": False}]

    @pytest.mark.parametrize(
        ("variables", "name"),
        [
            ({"ADMIN_USERNAME": "a b", "ADMIN_PASSWORD": "long enough"}, "ADMIN_USERNAME"),
            ({"ADMIN_USERNAME": "root", "ADMIN_PASSWORD": "short"}, "ADMIN_PASSWORD"),
        ],
    )
    def test_settings_that_cannot_be_used_are_named(
        self, h: Callable[..., Any], variables: dict[str, str], name: str
    ) -> None:
        refused = h("init", **variables)
        assert refused.exit_code == 78
        assert name in refused.output
        assert "short" not in refused.output.replace(name, "")

    def test_can_be_claimed_by_a_link_until_there_is_one(
        self, h: Callable[..., Any], environment: dict[str, str]
    ) -> None:
        said = h("init", ADMIN_USERNAME="root").output
        link = re.search(r"^http://example.org/claim-admin/(\S+)$", said, re.MULTILINE)
        assert link
        now = SystemClock().now()
        assert KeyRing(environment["SECRET_KEY"]).verify("claim-admin", link[1], now=now) == "first"
        h("user", "add", "root", "--admin", "--password-stdin", stdin="long enough\n")
        assert "claim-admin" not in h("init").output


class TestSchema:
    def test_each_migration_has_a_transaction_of_its_own(self, h: Callable[..., Any], empty_database_url: str) -> None:
        assert h("init", DATABASE_URL=empty_database_url).exit_code == 0
        made = "SELECT count(DISTINCT xmin::text) FROM pg_class WHERE relname IN ('document', 'document_revision')"
        engine = create_engine(empty_database_url)
        with engine.connect() as connection:
            assert connection.execute(text(made)).scalar_one() == 2
        engine.dispose()

    def test_is_created_by_two_at_once_without_harm(self, environment: dict[str, str], empty_database_url: str) -> None:
        variables = environment | {"DATABASE_URL": empty_database_url, "PATH": ""}
        variables |= {"ADMIN_USERNAME": "root", "ADMIN_PASSWORD": "long enough"}
        both = [
            subprocess.Popen([*H, "init"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(2)
        ]
        said = [process.communicate(timeout=60)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        assert sorted("was at nothing" in text for text in said) == [False, True]
        database = Database(empty_database_url, pool_size=1)
        with database.read() as connection:
            assert schema.current_revision(connection) == schema.REVISION
            assert [connection.scalar(select(func.count(t.id))) for t in (Group, AuthClient, User)] == [1, 1, 1]
        started = time.perf_counter()
        subprocess.run([*H, "init"], env=variables, check=True, timeout=60, stdout=subprocess.DEVNULL)
        database.close()
        print(f"warm: {time.perf_counter() - started:.2f} s")

    def test_is_created_in_an_empty_database(self, h: Callable[..., Any], empty_database_url: str) -> None:
        done = h("init", DATABASE_URL=empty_database_url)
        assert done.exit_code == 0
        assert f"The schema was at nothing and is at {schema.REVISION} now." in done.output
        assert "claim-admin" in done.output

    def test_that_is_newer_is_left_alone(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        done = h("init")
        assert done.exit_code == 0
        assert "The schema is at 9999." in done.output

    def test_is_not_forced_on_tables_of_others(self, h: Callable[..., Any], empty_database_url: str) -> None:
        engine = create_engine(empty_database_url)
        with engine.begin() as connection:
            connection.execute(text('CREATE TABLE "user" (id int)'))
        engine.dispose()
        refused = h("init", DATABASE_URL=empty_database_url)
        assert refused.exit_code == 1
        assert "PostgreSQL refused: relation" in refused.output
        assert "Traceback" not in refused.output

    def test_waits_for_postgresql_no_longer_than_it_is_told(self, h: Callable[..., Any]) -> None:
        refused = h("init", "--wait-seconds", "0.1", DATABASE_URL="postgresql://127.0.0.1:1/x")
        assert refused.exit_code == 1
        assert "Waiting for PostgreSQL." in refused.output
        assert "The database is not available." in refused.output


class TestSettings:
    def test_that_are_missing_are_named(self) -> None:
        done = subprocess.run([*H, "init"], env={}, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 78
        for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
            assert f"{name}: is missing" in done.stderr
