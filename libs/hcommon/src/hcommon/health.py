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


def type_of(error: Exception) -> str:
    """Return what everybody may read of an error that nobody wrote for them."""
    return type(error).__name__


def innermost(error: Exception) -> str:
    """Return, in one line, what the error says that led to this one: names of hosts and users, for operators alone."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return " ".join(str(cause).split()) or type(cause).__name__


def run_checks(
    checks: Mapping[str, Check], *, describe: Callable[[Exception], str] = type_of
) -> dict[str, CheckResult]:
    """Run every check in order; a check that raises is a failed one, never an error of the report.

    Args:
        checks: Each with its name.
        describe: What the report says of an error other than `UnhealthyError`.
    """
    return {name: _run(check, describe) for name, check in checks.items()}


def _run(check: Check, describe: Callable[[Exception], str]) -> CheckResult:
    started = time.perf_counter()
    try:
        ok, detail = True, check()
    except UnhealthyError as error:
        ok, detail = False, error.reason
    except Exception as error:  # noqa: BLE001 - whatever a dependency raises is the finding
        ok, detail = False, describe(error)
    return CheckResult(ok=ok, detail=detail, milliseconds=(time.perf_counter() - started) * 1000)
