"""`h user nipsa`: shadow bans."""

from typing import Annotated

import typer

from hweb.cli.application import Tools, new_app, tools
from hweb.cli.user import find
from hweb.moderation import shadow_bans

app = new_app("Shadow bans: only the user still sees what the user writes.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name, or a userid of another authority.")]


@app.command()
def add(name: Name) -> None:
    """Hide all that a user has written and will write from everybody else."""
    with tools() as held:
        changed = _set(held, name, banned=True)
    typer.echo(f"{name} is shadow-banned." if changed else f"{name} was shadow-banned already.")


@app.command()
def remove(name: Name) -> None:
    """Show again what a user has written."""
    with tools() as held:
        changed = _set(held, name, banned=False)
    typer.echo(f"{name} is not shadow-banned any more." if changed else f"{name} was not shadow-banned.")


@app.command("list")
def list_() -> None:
    """List the userids of all who are shadow-banned."""
    with tools() as held, held.database.read() as connection:
        for userid in shadow_bans.shadow_banned(connection):
            typer.echo(userid)


def _set(held: Tools, name: str, *, banned: bool) -> bool:
    account = find(held, name)
    with held.database.transaction() as session:
        return shadow_bans.set_shadow_ban(session, user_id=account.id, banned=banned, now=held.now)
