"""Reports of checks."""

from hcommon.health import run_checks


def broken() -> str:
    raise ConnectionError("password=secret")


class TestRunChecks:
    def test_reports_every_check_in_order(self) -> None:
        report = run_checks({"database": lambda: "schema 0001", "redis": lambda: "answers"})
        assert [(name, result.ok, result.detail) for name, result in report.items()] == [
            ("database", True, "schema 0001"),
            ("redis", True, "answers"),
        ]

    def test_a_check_that_raises_is_a_failed_one_and_tells_no_secrets(self) -> None:
        report = run_checks({"broker": broken, "redis": lambda: "answers"})
        assert report["broker"].as_dict() | {"milliseconds": 0} == {
            "ok": False,
            "detail": "ConnectionError",
            "milliseconds": 0,
        }
        assert report["redis"].ok
