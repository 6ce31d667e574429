"""`h mail`: does mail arrive?"""

from typing import Annotated

import typer
from hcommon import outbox
from hcommon.events.site import MailTestRequested

from hweb.accounts.schemas import email_problem
from hweb.cli.application import new_app, tools
from hweb.cli.user import InvalidAccountError

app = new_app("Outgoing mail.")


@app.callback()
def mail() -> None:
    """Outgoing mail."""


@app.command()
def test(to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send a test message.")]) -> None:
    """Have the worker send a test message."""
    problem = email_problem(to)
    if problem:
        raise InvalidAccountError(problem)
    with tools() as held, held.database.transaction() as session:
        outbox.record(session, MailTestRequested(occurred_at=held.now, to=to))
    typer.echo(f"The worker writes to {to}. If nothing arrives, look at its log and at: h queues list")
