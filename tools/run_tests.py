"""`make test`: every test on all cores, and the branch coverage that must not fall below 95 %.

Arguments go to pytest; with any, only what they name is run and no coverage is asked for. `HYPOTHESIS_PROFILE` says
with how many examples properties are tried; see `hcommon.testing.examples`.
"""

import os
import subprocess
import sys

MINIMUM_COVERAGE = 95


def main() -> int:
    """Run and return the exit status."""
    pytest = [sys.executable, "-m", "pytest"]
    if profile := os.environ.get("HYPOTHESIS_PROFILE"):  # noqa: TID251 - not a setting of h
        pytest += ["--hypothesis-profile", profile]
    if sys.argv[1:]:
        return subprocess.call([*pytest, *sys.argv[1:]])
    # One more than cores, because some tests wait for processes; what is left is shared out anew when one has no more.
    command = [*pytest, "--numprocesses", str((os.cpu_count() or 2) + 1), "--dist", "worksteal"]
    return subprocess.call(
        [*command, "--cov", "--cov-report=term:skip-covered", f"--cov-fail-under={MINIMUM_COVERAGE}"]
    )


if __name__ == "__main__":
    sys.exit(main())
