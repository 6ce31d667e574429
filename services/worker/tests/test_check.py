"""Whether a worker could work here."""

from collections.abc import Callable
from pathlib import Path

from hworker.check import check_dependencies
from hworker.context import Context, create_context
from hworker.settings import Settings


class TestCheckDependencies:
    def test_all_is_well(self, context: Context) -> None:
        results = check_dependencies(context)
        assert {name: result.ok for name, result in results.items()} == {
            "database": True,
            "broker": True,
            "task broker": True,
        }

    def test_says_what_is_not(self, make_settings: Callable[..., Settings], tmp_path: Path) -> None:
        settings = make_settings(
            database_url=f"postgresql://nobody@/h?host={tmp_path}",
            broker_url=f"redis+socket://{tmp_path}/none.sock?virtual_host=1",
            celery_broker_url=None,
        )
        results = check_dependencies(create_context(settings))
        assert {name: result.ok for name, result in results.items()} == {"database": False, "broker": False}
