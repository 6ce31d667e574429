"""Health: what a service needs, checked one by one, and one report for every `/readyz`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hcommon.errors import HError

Check = Callable[[], str]
"""Returns a short detail when all is well; raises when it is not."""


class UnhealthyError(HError):
    """Something is not as it should be; the reason says what, for everybody who may read the report."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check: `detail` is for people, `milliseconds` how long it took."""

    ok: bool
    detail: str
    milliseconds: float

    def as_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        return {"ok": self.ok, "detail": self.detail, "milliseconds": round(self.milliseconds, 1)}


def run_checks(checks: Mapping[str, Check]) -> dict[str, CheckResult]:
    """Run every check in order; a check that raises is a failed one, never an error of the report."""
    return {name: _run(check) for name, check in checks.items()}


def _run(check: Check) -> CheckResult:
    started = time.perf_counter()
    try:
        ok, detail = True, check()
    except UnhealthyError as error:
        ok, detail = False, error.reason
    except Exception as error:  # noqa: BLE001 - whatever a dependency raises is the finding
        ok, detail = False, type(error).__name__
    return CheckResult(ok=ok, detail=detail, milliseconds=(time.perf_counter() - started) * 1000)
