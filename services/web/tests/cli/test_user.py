"""`h user`, `h token` and `h authclient`."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.auth import principal_of_token
from hcommon.clock import SystemClock
from hcommon.crypto import KeyRing
from hcommon.db.engine import Database
from hcommon.events.accounts import SecondFactorChange
from hcommon.models import AuthClient, Grant, SecondFactor, User, UserIdentity
from hcommon.sessions import SessionStore
from hcommon.testing.clock import START
from hcommon.testing.factories import make_access_token, make_user, recorded_events
from hweb.accounts import passwords
from hweb.twofactor import codes
from hweb.twofactor import service as twofactor
from redis import Redis
from sqlalchemy import select


@pytest.fixture
def alice(database: Database) -> int:
    """Key of an account with a password."""
    with database.transaction() as session:
        return make_user(session, username="alice", password_hash=passwords.hash_password("old password")).id


PROVIDER = {"OIDC_ISSUER": "https://login.test", "OIDC_CLIENT_ID": "h", "OIDC_CLIENT_SECRET": "hush"}


def user(database: Database, name: str) -> User:
    with database.transaction() as session:
        return session.scalars(select(User).where(User.username == name)).one()


class TestConnect:
    def test_lets_an_identity_log_in_to_an_account(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        done = h("user", "connect", "alice", "248289761001", **PROVIDER)
        assert (done.exit_code, done.output) == (0, "alice logs in with login.test.\n")
        with database.read() as connection:
            columns = (UserIdentity.user_id, UserIdentity.provider, UserIdentity.provider_unique_id)
            assert connection.execute(select(*columns)).one() == (alice, "https://login.test", "248289761001")

    def test_takes_no_identity_from_another_account(
        self, h: Callable[..., Any], database: Database, alice: int
    ) -> None:
        with database.transaction() as session:
            make_user(session, username="bob")
        assert h("user", "connect", "bob", "1", **PROVIDER).exit_code == 0
        refused = h("user", "connect", "alice", "1", **PROVIDER)
        assert refused.exit_code == 1
        assert "Another account" in refused.output

    def test_needs_a_provider(self, h: Callable[..., Any], alice: int) -> None:
        refused = h("user", "connect", "alice", "1")
        assert refused.exit_code == 1
        assert "OIDC_ISSUER" in refused.output


class TestAdd:
    def test_creates_an_active_account(self, h: Callable[..., Any], database: Database) -> None:
        done = h("user", "add", "bob", "--email", "bob@example.net", "--password-stdin", stdin="long enough\n")
        assert (done.exit_code, done.output) == (0, "Created bob.\n")
        bob = user(database, "bob")
        assert (bob.email, bob.admin, bob.authority) == ("bob@example.net", False, "example.org")
        assert bob.activated_at is not None
        assert passwords.is_right(bob.password_hash, "long enough")

    def test_asks_for_the_password_twice(self, h: Callable[..., Any], database: Database) -> None:
        done = h("user", "add", "admin", "--admin", stdin="long enough\nlong enough\n")
        assert done.exit_code == 0
        assert "long enough" not in done.output
        assert user(database, "admin").admin
        assert h("user", "add", "carol", stdin="long enough\nother\n").exit_code == 1

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["a b"], "username: Use 3 to 30"),
            (["bob", "--email", "x"], "email: Must be"),
            (["ALICE"], "There is an account named ALICE already."),
            (["bob", "--email", "Alice@example.org"], "address Alice@example.org already"),
        ],
    )
    def test_says_what_is_wrong(self, h: Callable[..., Any], alice: int, arguments: list[str], reason: str) -> None:
        refused = h("user", "add", *arguments, "--password-stdin", stdin="long enough\n")
        assert refused.exit_code == 1
        assert reason in re.sub(r"[│\s]+", " ", refused.output)

    def test_refuses_short_passwords(self, h: Callable[..., Any]) -> None:
        refused = h("user", "add", "bob", "--password-stdin", stdin="short\n")
        assert refused.exit_code == 1
        assert "at least 8" in refused.output

    def test_takes_no_password_from_the_command_line(self, h: Callable[..., Any]) -> None:
        assert h("user", "add", "bob", "long enough").exit_code == 2
        assert h("user", "add", "bob", "--password", "long enough").exit_code == 2


class TestTwoFactor:
    def test_says_whether_it_is_on_and_turns_it_off(
        self, h: Callable[..., Any], database: Database, alice: int
    ) -> None:
        assert h("user", "two-factor", "alice").output == "Two-factor authentication of alice is off.\n"
        keys = KeyRing("a secret of the tests, long enough to be accepted")
        with database.transaction() as session:
            twofactor.turn_on(session, user_id=alice, secret=codes.new_secret(), step=1, keys=keys, now=START)
        assert h("user", "two-factor", "ALICE").output == "Two-factor authentication of alice is on.\n"
        assert re.search(r"alice .*yes +yes *$", h("user", "list").output, re.MULTILINE)
        assert h("user", "two-factor", "alice", "--off").output == "Two-factor authentication of alice is off.\n"
        assert h("user", "two-factor", "alice").output == "Two-factor authentication of alice is off.\n"
        with database.transaction() as session:
            assert session.scalars(select(SecondFactor)).all() == []
            changes = [event.change for event in recorded_events(session)]
        assert changes == [SecondFactorChange.TURNED_ON, SecondFactorChange.TURNED_OFF]

    def test_of_nobody_is_an_error(self, h: Callable[..., Any]) -> None:
        assert h("user", "two-factor", "nobody", "--off").exit_code == 1


class TestAdmin:
    def test_gives_and_takes_the_right(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        assert h("user", "admin", "Alice").output == "alice administers the site.\n"
        assert user(database, "alice").admin
        assert h("user", "admin", "alice", "--revoke").exit_code == 0
        assert not user(database, "alice").admin

    def test_of_nobody_is_an_error(self, h: Callable[..., Any]) -> None:
        refused = h("user", "admin", "nobody")
        assert refused.exit_code == 1
        assert "There is no account named nobody." in refused.output


class TestActivate:
    def test_needs_no_mail(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            make_user(session, username="ina", activated_at=None)
        assert h("user", "activate", "ina").exit_code == 0
        assert user(database, "ina").activated_at is not None


@pytest.fixture
def signed_in(database: Database, environment: dict[str, str], alice: int) -> Any:
    """Alice's cookie, access token and developer token, and a function that tells which still work."""
    now = SystemClock().now()
    redis = Redis.from_url(environment["REDIS_URL"])
    cookie, _ = SessionStore(redis).start(user_id=alice, now=now)
    with database.transaction() as session:
        owner = session.get(User, alice)
        tokens = [make_access_token(session, user=owner, source=source) for source in ("code", "jwt", "developer")]

    def working() -> list[bool]:
        with database.read() as connection:
            found = [principal_of_token(connection, token, now=now).user_id == alice for token in tokens]
        return [SessionStore(redis).find(cookie, now=now) is not None, *found]

    assert working() == [True] * 4
    yield working
    redis.close()


class TestStaff:
    def test_is_given_and_taken(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        assert h("user", "staff", "alice").output == "alice is staff.\n"
        assert user(database, "alice").staff
        assert h("user", "staff", "alice", "--revoke").exit_code == 0
        assert not user(database, "alice").staff


class TestListOfAnotherAuthority:
    def test_has_its_users_alone(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        with database.transaction() as session:
            make_user(session, username="bob", authority="lms.test")
        listed = h("user", "list", "--authority", "lms.test").output
        assert "bob" in listed
        assert "alice" not in listed


class TestPassword:
    def test_ends_every_log_in_but_not_programs(
        self, h: Callable[..., Any], database: Database, signed_in: Callable[[], list[bool]]
    ) -> None:
        assert h("user", "password", "alice", "--password-stdin", stdin="new password\n").exit_code == 0
        alice = user(database, "alice")
        assert passwords.is_right(alice.password_hash, "new password")
        assert alice.password_changed_at is not None
        assert signed_in() == [False, False, False, True]
        with database.transaction() as session:
            assert [event.TYPE for event in recorded_events(session)] == ["grant.revoked"] * 2

    def test_that_is_too_short_changes_nothing(
        self, h: Callable[..., Any], database: Database, signed_in: Callable[[], list[bool]]
    ) -> None:
        assert h("user", "password", "alice", "--password-stdin", stdin="new\n").exit_code == 1
        assert passwords.is_right(user(database, "alice").password_hash, "old password")
        assert signed_in() == [True] * 4

    def test_stays_when_sessions_cannot_be_ended(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        refused = h(
            "user", "password", "alice", "--password-stdin", stdin="new password\n", REDIS_URL="redis://127.0.0.1:1"
        )
        assert refused.exit_code == 1
        assert passwords.is_right(user(database, "alice").password_hash, "old password")


class TestDelete:
    def test_marks_the_account_and_ends_everything(
        self, h: Callable[..., Any], database: Database, signed_in: Callable[[], list[bool]]
    ) -> None:
        assert h("user", "delete", "alice", "--yes").exit_code == 0
        assert user(database, "alice").deleted
        assert signed_in() == [False] * 4
        with database.read() as connection:
            assert connection.execute(select(Grant.id)).all() == []
        assert h("user", "delete", "alice", "--yes").exit_code == 1

    def test_asks_first(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        assert h("user", "delete", "alice", stdin="n\n").exit_code == 1
        assert not user(database, "alice").deleted
        assert h("user", "delete", "alice", stdin="y\n").exit_code == 0


class TestList:
    def test_shows_the_newest_first_and_no_secrets(self, h: Callable[..., Any], alice: int) -> None:
        h("user", "add", "bob", "--admin", "--password-stdin", stdin="long enough\n")
        done = h("user", "list")
        lines = done.output.splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["bob", "alice"]
        assert "argon2" not in done.output
        assert len(h("user", "list", "--limit", "1").output.splitlines()) == 2


class TestToken:
    def test_is_shown_once_and_works(self, h: Callable[..., Any], database: Database, alice: int) -> None:
        done = h("token", "create", "alice")
        assert done.exit_code == 0
        token = done.stdout.strip()
        assert re.fullmatch(r"6879-[\w-]{43}", token)
        with database.read() as connection:
            found = principal_of_token(connection, token, now=SystemClock().now())
        assert found.userid == "acct:alice@example.org"

    def test_of_nobody_is_an_error(self, h: Callable[..., Any]) -> None:
        assert h("token", "create", "nobody").exit_code == 1


class TestAuthClient:
    def test_is_registered_with_a_secret_that_is_kept_encrypted(
        self, h: Callable[..., Any], database: Database, environment: dict[str, str]
    ) -> None:
        done = h("authclient", "add", "--name", "LMS", "--grant-type", "jwt_bearer", "--authority", "lms.test")
        assert done.exit_code == 0
        shown = dict(line.split() for line in done.stdout.splitlines())
        with database.transaction() as session:
            client = session.scalars(select(AuthClient)).one()
        assert (str(client.id), client.authority, client.trusted) == (shown["id"], "lms.test", False)
        assert shown["secret"] not in client.secret_encrypted
        assert KeyRing(environment["SECRET_KEY"]).decrypt("authclient", client.secret_encrypted) == shown["secret"]
        listed = h("authclient", "list").output
        assert shown["id"] in listed
        assert shown["secret"] not in listed

    def test_that_is_public_has_no_secret(self, h: Callable[..., Any], database: Database) -> None:
        uri = "https://reader.test/cb?x=1"
        arguments = ["--name", "R", "--grant-type", "authorization_code", "--redirect-uri", uri, "--trusted"]
        assert "secret" not in h("authclient", "add", *arguments).output
        with database.transaction() as session:
            client = session.scalars(select(AuthClient)).one()
        assert (client.authority, client.redirect_uri, client.trusted) == ("example.org", uri, True)
        assert "secret" in h("authclient", "add", *arguments, "--confidential").output

    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "reader.test",
            "javascript:x",
            "{current_scheme}://{current_host}/x",
            "https://*.test/",
            "https://x/#y",
            "https://",
            "http://[x",
            "https://ä.test/",
            "https://x/\\y",
        ],
    )
    def test_needs_a_literal_redirect_uri(self, h: Callable[..., Any], uri: str) -> None:
        refused = h("authclient", "add", "--name", "R", "--grant-type", "authorization_code", "--redirect-uri", uri)
        assert refused.exit_code == 1
        assert "--redirect-uri" in refused.output


class TestWithoutSchema:
    def test_says_what_to_run(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
        refused = h("user", "list")
        assert refused.exit_code == 1
        assert "h init" in refused.output
