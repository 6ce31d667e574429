"""Two requests at once, on two connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from hcommon.crypto import KeyRing
from hcommon.db.engine import Database
from hcommon.models import RecoveryCode
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user
from hweb.twofactor import codes, service
from sqlalchemy import func, select
from sqlalchemy.orm import Session

KEYS = KeyRing("a secret of the tests, long enough to be accepted")
NOW = datetime(2026, 1, 2, 4, 0, 0, tzinfo=UTC)


@pytest.fixture
def at_once(fresh_database: Database) -> Callable[..., list[object]]:
    """Do something in two transactions at the same moment."""

    def run(action: Callable[[Session], object]) -> list[object]:
        barrier = Barrier(2)

        def one() -> object:
            with fresh_database.transaction() as session:
                session.execute(select(1))
                barrier.wait(timeout=10)
                return action(session)

        with ThreadPoolExecutor(2) as pool:
            return [future.result(timeout=20) for future in [pool.submit(one) for _ in range(2)]]

    return run


@pytest.fixture
def account(fresh_database: Database) -> tuple[int, str, list[str]]:
    """An account with a second factor: its key, the secret, the recovery codes."""
    secret = codes.new_secret()
    with fresh_database.transaction() as session:
        user_id = make_user(session).id
        made = service.turn_on(session, user_id=user_id, secret=secret, step=1, keys=KEYS, now=START)
    assert made is not None
    return user_id, secret, made


class TestAtOnce:
    def test_one_recovery_code_lets_one_in(
        self, at_once: Callable[..., list[object]], account: tuple[int, str, list[str]]
    ) -> None:
        user_id, _, recovery = account
        for code in recovery:
            done = at_once(
                lambda session, code=code: service.use_code(session, user_id=user_id, code=code, keys=KEYS, now=NOW)
            )
            assert sorted(map(bool, done)) == [False, True]

    def test_one_code_of_the_app_lets_one_in(
        self, at_once: Callable[..., list[object]], account: tuple[int, str, list[str]]
    ) -> None:
        user_id, secret, _ = account
        code = codes._totp(secret).generate(NOW.timestamp()).decode()
        done = at_once(lambda session: service.use_code(session, user_id=user_id, code=code, keys=KEYS, now=NOW))
        assert sorted(map(bool, done)) == [False, True]

    def test_it_is_turned_on_once(self, at_once: Callable[..., list[object]], fresh_database: Database) -> None:
        with fresh_database.transaction() as session:
            user_id = make_user(session).id
        secret = codes.new_secret()
        done = at_once(
            lambda session: service.turn_on(session, user_id=user_id, secret=secret, step=1, keys=KEYS, now=NOW)
        )
        assert sorted(made is not None for made in done) == [False, True]
        with fresh_database.read() as connection:
            assert connection.execute(select(func.count()).select_from(RecoveryCode)).scalar_one() == 10
