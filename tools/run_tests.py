"""`make test`: every test with as many processes as cores, and the branch coverage that must not fall below 95 %.

Arguments go to pytest; with any, only what they name is run and no coverage is asked for.
"""

import os
import subprocess
import sys

MINIMUM_COVERAGE = 95


def main() -> int:
    """Run and return the exit status."""
    pytest = [sys.executable, "-m", "pytest"]
    if sys.argv[1:]:
        return subprocess.call([*pytest, *sys.argv[1:]])
    command = [*pytest, "--numprocesses", str(os.cpu_count() or 2), "--dist", "loadfile"]
    return subprocess.call(
        [*command, "--cov", "--cov-report=term:skip-covered", f"--cov-fail-under={MINIMUM_COVERAGE}"]
    )


if __name__ == "__main__":
    sys.exit(main())
