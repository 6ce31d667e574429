"""`h-standalone`: run all of h on this machine, or a command against the system that is running."""

import sys

from hcommon.settings import EXIT_CONFIG, load
from rich.console import Console

from hstandalone.attach import run_attached
from hstandalone.errors import StandaloneError
from hstandalone.run import Embedded, Plan, RefusedConfigurationError
from hstandalone.screen import Screen
from hstandalone.services import command, service_table
from hstandalone.settings import Settings, inherited_environment
from hstandalone.stopping import StopRequest

_USAGE = "usage: h-standalone [exec COMMAND [ARGUMENT …]]"


def main() -> None:
    """Run until stopped, or run one command; every expected failure is a message, never a traceback."""
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    stop = StopRequest()
    stop.listen()
    screen = Screen(Console())
    settings = load(Settings)
    try:
        match arguments:
            case []:
                Embedded(_plan(settings), screen=screen, stop=stop).run()
            case ["exec", *argv] if argv:
                run_attached(argv, data_dir=settings.data_dir, inherited=inherited_environment())
            case _:
                screen.say(_USAGE)
                return 2
    except (StandaloneError, OSError) as error:
        screen.problem(str(error))
        return EXIT_CONFIG if isinstance(error, RefusedConfigurationError) else 1
    return 0


def _plan(settings: Settings) -> Plan:
    return Plan(
        settings=settings,
        inherited=inherited_environment(),
        services=service_table(port=settings.port, websocket_port=settings.socket_port),
        init_argv=(command("h"), "init"),
    )
