"""Run a command, such as `h user list`, with the settings of the embedded system that is running."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from hstandalone import lock
from hstandalone.environment import service_environment
from hstandalone.errors import StandaloneError
from hstandalone.services import command


def run_attached(argv: Sequence[str], *, data_dir: Path, inherited: Mapping[str, str]) -> NoReturn:
    """Become the command; it is looked for in our own environment.

    Raises:
        StandaloneError: Nothing runs with this data directory, or there is no such command.
    """
    program = command(argv[0])
    if not os.access(program, os.X_OK):
        raise StandaloneError(f"There is no command {argv[0]} in {Path(program).parent}.")
    if not lock.is_held(data_dir / "lock"):
        raise StandaloneError(f"h does not run with the data in {data_dir}. Start it with: make run")
    try:
        variables = json.loads((data_dir / "environment.json").read_text())
    except (OSError, ValueError):
        raise StandaloneError("h is still starting; try again in a moment.") from None
    os.execve(program, [program, *argv[1:]], service_environment(variables, inherited=inherited))  # noqa: S606 - that is the point
