"""`h token`: developer tokens."""

import typer

from hweb.cli.application import new_app, tools
from hweb.cli.user import Name, find
from hweb.oauth import service

app = new_app("Developer tokens.")


@app.callback()
def token() -> None:
    """Developer tokens: credentials of programs, which act as their user and never expire."""


@app.command()
def create(name: Name) -> None:
    """Create a token for a user and show it, this once."""
    with tools() as held:
        account = find(held, name)
        with held.database.transaction() as session:
            created = service.create_developer_token(session, user_id=account.id, now=held.now)
    typer.echo(f"A token of {account.username}, which is not shown again:", err=True)
    typer.echo(created)
