"""`h-standalone` with a process for each of the worker's roles, as a cluster has them."""

from hcommon.settings import load
from hstandalone.run import Embedded, Plan
from hstandalone.screen import Screen
from hstandalone.services import ServiceSpec, command, service_table
from hstandalone.settings import Settings, inherited_environment
from hstandalone.stopping import StopRequest
from rich.console import Console

ROLES = ("relay", "consume", "run", "beat")


def main() -> None:
    """Run until stopped."""
    stop = StopRequest()
    stop.listen()
    settings = load(Settings)
    table = service_table(port=settings.port, websocket_port=settings.socket_port)
    others = tuple(spec for spec in table if spec.name != "worker")
    roles = tuple(ServiceSpec(name=role, argv=(command("h-worker"), role), stop_seconds=25.0) for role in ROLES)
    plan = Plan(
        settings=settings,
        inherited=inherited_environment(),
        services=(*others, *roles),
        init_argv=(command("h"), "init"),
    )
    Embedded(plan, screen=Screen(Console()), stop=stop).run()


if __name__ == "__main__":
    main()
