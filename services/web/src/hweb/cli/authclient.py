"""`h authclient`: applications that act for users."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import typer
from hcommon.errors import ErrorKind, HError
from hcommon.models import AuthClient
from hcommon.models.token import Capability
from hcommon.tokens import new_token
from sqlalchemy import select
from sqlalchemy.orm import Session

from hweb.authclients import SECRET_LABEL
from hweb.cli.application import new_app, show, tools
from hweb.oauth import service

app = new_app("OAuth clients and other applications.")


class GrantType(StrEnum):
    """What an application may do to get access."""

    CODE = "authorization_code"
    JWT = "jwt_bearer"
    CREDENTIALS = "client_credentials"


class InvalidClientError(HError):
    """An application cannot be made of this."""


class NoSuchClientError(HError):
    """No application has this id."""

    kind = ErrorKind.NOT_FOUND


Capabilities = Annotated[
    list[Capability] | None,
    typer.Option(help="What it may do beyond that: bulk, the bulk API. May be repeated."),
]
ClientId = Annotated[UUID, typer.Argument(metavar="ID", help="Id of the application; see h authclient list.")]


@app.command()
def add(
    *,
    name: Annotated[str, typer.Option(help="Shown to users who are asked for access.")],
    grant_type: Annotated[GrantType, typer.Option(help="How it gets access.")],
    authority: Annotated[str, typer.Option(help="Whose users it acts for. Default: the site's own.")] = "",
    redirect_uri: Annotated[str, typer.Option(help="Where codes are sent, letter for letter.")] = "",
    trusted: Annotated[bool, typer.Option("--trusted", help="Users are not asked for consent.")] = False,
    confidential: Annotated[bool, typer.Option("--confidential", help="Exchanges codes with a secret.")] = False,
    capability: Capabilities = None,
) -> None:
    """Register an application; show its id and, this once, its secret if it has one."""
    if grant_type is GrantType.CODE:
        _check_redirect_uri(redirect_uri)
    _check_capabilities(grant_type, capability)
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
            capabilities=_stored(capability),
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
            select(*columns, AuthClient.trusted, AuthClient.capabilities).order_by(AuthClient.created, AuthClient.id)
        ).mappings()
        headings = ("Name", "Authority", "Grant", "Redirect URI", "Trusted", "Capabilities")
        table = Table(Column("Id", no_wrap=True), *headings, box=None)
        for row in rows:
            table.add_row(
                str(row["id"]),
                row["name"],
                row["authority"],
                row["grant_type"],
                row["redirect_uri"] or "",
                "yes" if row["trusted"] else "",
                ", ".join(row["capabilities"]),
            )
    show(table)


@app.command()
def allow(client_id: ClientId, capability: Capabilities = None) -> None:
    """Set what an application may do beyond its grant; without --capability, nothing."""
    with tools() as held, held.database.transaction() as session:
        client = _find(session, client_id)
        _check_capabilities(GrantType(client.grant_type), capability)
        client.capabilities = _stored(capability)
        typer.echo(f"{client.name}: {', '.join(client.capabilities) or 'no capabilities'}.")


@app.command()
def secret(client_id: ClientId) -> None:
    """Give an application a new secret and show it, this once; the old one is worth nothing from now on."""
    new = new_token("")
    with tools() as held, held.database.transaction() as session:
        client = _find(session, client_id)
        if client.secret_encrypted is None or client.id == held.settings.oauth_client_id:
            raise InvalidClientError("This application has no secret that could be replaced here.")
        client.secret_encrypted = held.settings.keys.encrypt(SECRET_LABEL, new)
    typer.echo(f"secret  {new}")
    typer.echo("The secret is not shown again.", err=True)


@app.command()
def delete(client_id: ClientId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget an application; everybody whom it acts for is logged out of it. Users and groups that it made stay."""
    with tools() as held:
        with held.database.transaction() as session:
            client = _find(session, client_id)
            name = client.name
            if client.id == held.settings.oauth_client_id:
                raise InvalidClientError("The sidebar of this site needs this application.")
        if not yes:
            typer.confirm(f"Delete {name} and end all access that it has?", abort=True)
        with held.database.transaction() as session:
            service.delete_client(session, client_id=client_id, now=held.now)
    typer.echo(f"{name} is gone.")


def _find(session: Session, client_id: UUID) -> AuthClient:
    client = session.get(AuthClient, client_id)
    if client is None:
        raise NoSuchClientError(f"There is no application with the id {client_id}.")
    return client


def _stored(capabilities: list[Capability] | None) -> list[str]:
    return sorted({capability.value for capability in capabilities or ()})


def _check_capabilities(grant_type: GrantType, capabilities: list[Capability] | None) -> None:
    if capabilities and grant_type is not GrantType.CREDENTIALS:
        raise InvalidClientError(f"Only an application with the grant {GrantType.CREDENTIALS.value} has capabilities.")


def _check_redirect_uri(uri: str) -> None:
    """Raise unless this is a literal address of a page."""
    try:
        parts = urlsplit(uri)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
    except ValueError:
        usable = False
    if not usable or set(uri) & set("{}*\\ ") or not uri.isascii() or not uri.isprintable():
        raise InvalidClientError("--redirect-uri must be a full http(s) address without a fragment or placeholders.")
