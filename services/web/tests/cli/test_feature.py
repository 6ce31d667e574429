"""`h feature`: flags and cohorts."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon import features
from hcommon.auth import ANONYMOUS, principal_of_user
from hcommon.db.engine import Database
from hcommon.models import Feature
from hcommon.testing.factories import make_user

FLAG = "pre_moderation"


@pytest.fixture
def alice(database: Database) -> int:
    with database.transaction() as session:
        return make_user(session, username="alice").id


@pytest.fixture
def is_on(database: Database) -> Callable[[int | None], bool]:
    """Whether the flag is on for a user, or for anonymous visitors."""

    def is_on(user_id: int | None = None) -> bool:
        with database.read() as connection:
            principal = ANONYMOUS if user_id is None else principal_of_user(connection, user_id)
            return features.is_on(connection, FLAG, principal=principal, site_authority="example.org")

    return is_on


class TestSet:
    def test_switches_for_those_named_and_nobody_else(
        self, h: Callable[..., Any], is_on: Callable[..., bool], alice: int
    ) -> None:
        assert h("feature", "set", FLAG, "--everyone").exit_code == 0
        assert (is_on(), is_on(alice)) == (True, True)
        assert h("feature", "set", FLAG, "--first-party", "--staff").exit_code == 0
        assert (is_on(), is_on(alice)) == (False, True)
        assert "this site's users, staff" in h("feature", "list").output
        assert h("feature", "set", FLAG).exit_code == 0
        assert (is_on(), is_on(alice)) == (False, False)

    def test_knows_only_flags_of_this_release(self, h: Callable[..., Any]) -> None:
        refused = h("feature", "set", "nonsense", "--everyone")
        assert refused.exit_code == 1
        assert "no flag nonsense" in refused.output


class TestReset:
    def test_lets_a_flag_be_as_released(self, h: Callable[..., Any], is_on: Callable[..., bool]) -> None:
        h("feature", "set", FLAG, "--everyone")
        assert h("feature", "reset", FLAG).exit_code == 0
        assert not is_on()
        assert h("feature", "reset", FLAG).exit_code == 0
        assert f"{FLAG}  " in h("feature", "list").output

    def test_forgets_flags_of_other_releases(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            session.add(Feature(name="of_yesterday"))
        assert h("feature", "reset", "of_yesterday").exit_code == 0
        assert h("feature", "reset", "of_yesterday").exit_code == 1


class TestCohorts:
    def test_try_things_first(self, h: Callable[..., Any], is_on: Callable[..., bool], alice: int) -> None:
        assert h("feature", "cohort", "add", "testers", "alice", "Alice").exit_code == 0
        assert h("feature", "set", FLAG, "--cohort", "testers").exit_code == 0
        assert (is_on(), is_on(alice)) == (False, True)
        assert "cohort testers" in h("feature", "list").output
        assert "alice" in h("feature", "cohort", "list").output
        assert h("feature", "cohort", "remove", "testers", "alice").exit_code == 0
        assert not is_on(alice)
        assert "testers" in h("feature", "cohort", "list").output

    def test_that_are_gone_have_no_flags(self, h: Callable[..., Any], is_on: Callable[..., bool], alice: int) -> None:
        h("feature", "cohort", "add", "testers", "alice")
        h("feature", "set", FLAG, "--cohort", "testers")
        assert h("feature", "cohort", "delete", "testers").exit_code == 0
        assert not is_on(alice)

    def test_must_be_there(self, h: Callable[..., Any]) -> None:
        for arguments in (["set", FLAG, "--cohort", "x"], ["cohort", "delete", "x"], ["cohort", "add", "x", "nobody"]):
            assert h("feature", *arguments).exit_code == 1
