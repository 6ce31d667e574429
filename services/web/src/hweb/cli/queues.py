"""`h queues`: events that wait, and events that were given up on."""

from datetime import datetime, timedelta
from typing import Annotated

import typer
from hcommon.bus import deadletters
from hcommon.errors import HError
from hcommon.models import DeadLetter, OutboxEvent
from sqlalchemy import func, select

from hweb.cli.application import Tools, new_app, show, tools

Ids = Annotated[list[int] | None, typer.Argument(help="Numbers from `h queues list`.")]
Every = Annotated[bool, typer.Option("--all", help="All of them.")]
MAX_SHOWN = 100

app = new_app("Events on their way, and those that could not be handled.")


class NothingNamedError(HError):
    """Neither numbers nor `--all` were given."""


@app.callback()
def queues() -> None:
    """Events on their way out, and dead letters: events that a consumer gave up on."""


@app.command("list")
def list_() -> None:
    """Show what waits in the outbox, and the first dead letters."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        waiting, oldest = connection.execute(
            select(func.count(), func.min(OutboxEvent.due_at)).where(OutboxEvent.published_at.is_(None))
        ).one()
        letters = deadletters.list_dead_letters(connection, limit=MAX_SHOWN)
        total = sum(deadletters.count_dead_letters(connection).values())
    typer.echo(f"{waiting} events wait to be published{_since(oldest, held.now)}; {total} dead letters.")
    if letters:
        table = Table("number", "consumer", "event", "tries", "given up", "error")
        for letter in letters:
            given_up = letter.buried_at.isoformat(timespec="seconds")
            table.add_row(str(letter.id), letter.consumer, letter.type, str(letter.attempts), given_up, letter.error)
        show(table)


@app.command("show")
def show_one(number: Annotated[int, typer.Argument(help="Number from `h queues list`.")]) -> None:
    """Show one dead letter with the whole event, which holds ids and facts and no text of users."""
    with tools() as held, held.database.read() as connection:
        found = deadletters.list_dead_letters(connection, after_id=number - 1, limit=1)
    if not found or found[0].id != number:
        raise NothingNamedError(f"There is no dead letter {number}.")
    letter = found[0]
    typer.echo(f"{letter.type} for {letter.consumer}, {letter.attempts} tries\n{letter.payload}\n{letter.error}")


@app.command()
def replay(numbers: Ids = None, *, every: Every = False) -> None:
    """Give dead letters back to their consumer; what it did before it notices."""
    with tools() as held:
        chosen = _chosen(held, numbers, every=every)
        with held.database.transaction() as session:
            count = deadletters.replay(session, ids=chosen, now=held.now)
    typer.echo(f"{count} events go back to their consumers.")


@app.command()
def drop(numbers: Ids = None, *, every: Every = False) -> None:
    """Forget dead letters."""
    with tools() as held:
        chosen = _chosen(held, numbers, every=every)
        with held.database.transaction() as session:
            count = deadletters.drop(session, ids=chosen)
    typer.echo(f"{count} dead letters are forgotten.")


@app.command("publish-again")
def publish_again(
    *, hours: Annotated[float, typer.Option(help="How far back; published events are kept for 48 hours.")]
) -> None:
    """Publish events of the last hours once more, for a broker that lost its queues."""
    with tools() as held, held.database.transaction() as session:
        count = deadletters.replay_since(session, since=held.now - timedelta(hours=hours), now=held.now)
    typer.echo(f"{count} events are published again.")


def _chosen(held: Tools, numbers: list[int] | None, *, every: bool) -> list[int]:
    if every:
        with held.database.read() as connection:
            return list(connection.execute(select(DeadLetter.id).order_by(DeadLetter.id)).scalars())
    if not numbers:
        raise NothingNamedError("Name dead letters by their numbers, or say --all.")
    return numbers


def _since(oldest: datetime | None, now: datetime) -> str:
    return f", the oldest for {max((now - oldest).total_seconds(), 0):.0f} s" if oldest else ""
