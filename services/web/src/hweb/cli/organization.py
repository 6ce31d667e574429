"""`h organization`: whoever stands behind groups."""

from pathlib import Path
from typing import Annotated

import typer
from hcommon.errors import HError

from hweb.cli.application import new_app, show, tools
from hweb.organizations import queries, service

app = new_app("Organisations that groups belong to.")

Pubid = Annotated[str, typer.Argument(help="The organisation's id.", metavar="ORGANIZATION")]
Logo = Annotated[
    Path | None, typer.Option(help="File of an SVG document, up to 100 000 characters.", exists=True, dir_okay=False)
]


class UnreadableLogoError(HError):
    """The file of the logo is no text."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people see, up to 25 characters.")],
    *,
    logo: Logo = None,
    authority: Annotated[str, typer.Option(help="Whose groups may belong to it. Default: the site's own.")] = "",
    default: Annotated[bool, typer.Option("--default", help="Clients take it for the site's own.")] = False,
) -> None:
    """Create an organisation and print its id; `h group edit --organization` gives groups to it."""
    text = _text(logo)
    with tools() as held, held.database.transaction() as session:
        pubid = service.create(
            session,
            name=name,
            authority=authority or held.settings.authority,
            now=held.now,
            logo=text,
            default=default,
        )
    typer.echo(pubid)


@app.command("list")
def list_() -> None:
    """List organisations."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        rows = queries.listed(connection)
    table = Table("Id", "Name", "Authority", "Groups", "Logo", box=None)
    for row in rows:
        logo = "yes" if row["has_logo"] else ""
        table.add_row(row["pubid"], row["name"], row["authority"], str(row["groups"]), logo)
    show(table)


@app.command()
def edit(
    pubid: Pubid,
    *,
    name: Annotated[str | None, typer.Option(help="What people see, up to 25 characters.")] = None,
    logo: Logo = None,
    no_logo: Annotated[bool, typer.Option("--no-logo", help="Take the logo away.")] = False,
) -> None:
    """Change the name or the logo of an organisation."""
    text = "" if no_logo else _text(logo)
    with tools() as held, held.database.transaction() as session:
        key = queries.key_of(session, pubid=pubid)
        service.change(session, organization_id=key, now=held.now, name=name, logo=text)
    typer.echo(f"{pubid} is changed.")


@app.command()
def delete(pubid: Pubid) -> None:
    """Remove an organisation that no group belongs to."""
    with tools() as held, held.database.transaction() as session:
        service.delete(session, organization_id=queries.key_of(session, pubid=pubid))
    typer.echo(f"{pubid} is gone.")


def _text(logo: Path | None) -> str | None:
    if logo is None:
        return None
    try:
        return logo.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableLogoError(f"{logo} is not UTF-8 text.") from error
