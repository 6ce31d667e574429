"""`h authclient`: applications that act for users."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit
from uuid import uuid4

import typer
from hcommon.crypto import new_token
from hcommon.errors import HError
from hcommon.models import AuthClient
from sqlalchemy import select

from hweb.authclients import SECRET_LABEL
from hweb.cli.application import new_app, show, tools

app = new_app("OAuth clients and other applications.")


class GrantType(StrEnum):
    """What an application may do to get access."""

    CODE = "authorization_code"
    JWT = "jwt_bearer"
    CREDENTIALS = "client_credentials"


class InvalidClientError(HError):
    """An application cannot be made of this."""


@app.command()
def add(
    *,
    name: Annotated[str, typer.Option(help="Shown to users who are asked for access.")],
    grant_type: Annotated[GrantType, typer.Option(help="How it gets access.")],
    authority: Annotated[str, typer.Option(help="Whose users it acts for. Default: the site's own.")] = "",
    redirect_uri: Annotated[str, typer.Option(help="Where codes are sent, letter for letter.")] = "",
    trusted: Annotated[bool, typer.Option("--trusted", help="Users are not asked for consent.")] = False,
    confidential: Annotated[bool, typer.Option("--confidential", help="Exchanges codes with a secret.")] = False,
) -> None:
    """Register an application; show its id and, this once, its secret if it has one."""
    if grant_type is GrantType.CODE:
        _check_redirect_uri(redirect_uri)
    secret = new_token("") if confidential or grant_type is not GrantType.CODE else None
    with tools() as held:
        client = AuthClient(
            id=uuid4(),
            name=name,
            authority=authority or held.settings.authority,
            secret_encrypted=held.settings.keys.encrypt(SECRET_LABEL, secret) if secret else None,
            grant_type=grant_type.value,
            redirect_uri=redirect_uri or None,
            trusted=trusted,
            created=held.now,
        )
        with held.database.transaction() as session:
            session.add(client)
    typer.echo(f"id      {client.id}")
    if secret:
        typer.echo(f"secret  {secret}")
        typer.echo("The secret is not shown again.", err=True)


@app.command("list")
def list_() -> None:
    """List applications; secrets are not shown."""
    from rich.table import Column, Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        columns = (AuthClient.id, AuthClient.name, AuthClient.authority, AuthClient.grant_type, AuthClient.redirect_uri)
        rows = connection.execute(
            select(*columns, AuthClient.trusted).order_by(AuthClient.created, AuthClient.id)
        ).mappings()
        table = Table(Column("Id", no_wrap=True), "Name", "Authority", "Grant", "Redirect URI", "Trusted", box=None)
        for row in rows:
            trusted = "yes" if row["trusted"] else ""
            table.add_row(
                str(row["id"]), row["name"], row["authority"], row["grant_type"], row["redirect_uri"] or "", trusted
            )
    show(table)


def _check_redirect_uri(uri: str) -> None:
    """Raise unless this is a literal address of a page."""
    try:
        parts = urlsplit(uri)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
    except ValueError:
        usable = False
    if not usable or set(uri) & set("{}*\\ ") or not uri.isascii() or not uri.isprintable():
        raise InvalidClientError("--redirect-uri must be a full http(s) address without a fragment or placeholders.")
