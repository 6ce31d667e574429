"""The command `h-worker`: settings, logging, collaborators, and the role that was asked for."""

from collections.abc import Callable

import typer
from hcommon import logging
from hcommon.settings import load

from hworker import roles
from hworker.check import check_dependencies
from hworker.context import Context, create_context
from hworker.settings import Settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="h's background work.")


def _context() -> Context:
    settings = load(Settings)
    logging.configure(service="worker", level=settings.log_level, log_format=settings.log_format)
    return create_context(settings)


def _command(name: str, role: Callable[[Context], int], summary: str) -> None:
    @cli.command(name=name, help=summary)
    def run() -> None:
        raise typer.Exit(role(_context()))


def _check(context: Context) -> int:
    results = check_dependencies(context)
    for name, result in results.items():
        typer.echo(f"{name}: {'ok' if result.ok else 'FAILED'} ({result.detail}, {result.milliseconds:.0f} ms)")
    return 0 if all(result.ok for result in results.values()) else 1


_command("run", roles.run_tasks, "Run tasks: send mail, tidy up. Any number of processes.")
_command("consume", roles.run_consumer, "Turn events into tasks. Any number of processes.")
_command("beat", roles.run_beat, "Queue the periodic tasks. One process is enough, more do no harm.")
_command("relay", roles.run_relay, "Publish recorded events. A second process takes over when the first ends.")
_command("all", roles.run_all, "Everything in one process, for one machine.")
_command("check", _check, "Tell whether the database and the broker answer; the exit status is 0 if so.")


def main() -> None:
    """Entry point of the console script."""
    cli()
