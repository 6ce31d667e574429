"""`h document`: which URIs are one page, and who said so."""

from typing import Annotated

import orjson
import typer
from hcommon import documents
from hcommon.errors import ErrorKind, HError
from hcommon.ids import annotation_id_to_urlsafe, make_userid
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from hweb.annotations import moving
from hweb.cli.application import Tools, new_app, show, tools
from hweb.cli.user import find

app = new_app("Documents: pages and files that are known under several URIs.")

URI = Annotated[str, typer.Argument(metavar="URI", help="Any URI of the document.")]


class NoSuchDocumentError(HError):
    """No document knows this URI."""

    kind = ErrorKind.NOT_FOUND


class NothingToWithdrawError(HError):
    """It was not said what is wrong, or there is no such thing."""


@app.command("show")
def show_(uri: URI) -> None:
    """List what joins the URIs of a document: who claimed first that two of them are one page, and with what."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        claims = documents.joining_claims(connection, document_id=_find(connection, uri))
    table = Table("Claim", "Page", "Is also", "As", "First by", "With", "On", "Users", box=None)
    for claim in claims:
        table.add_row(
            str(claim["id"]),
            claim["claimant"],
            claim["uri"],
            ", ".join(filter(None, claim["types"])),
            make_userid(claim["username"], claim["authority"]) if claim["username"] else "",
            annotation_id_to_urlsafe(claim["annotation_id"]),
            f"{claim['created']:%Y-%m-%d}",
            str(claim["users"]),
        )
    if claims:
        show(table)
    else:
        typer.echo("Nothing joins it with another URI.")


@app.command()
def split(
    uri: URI,
    *,
    claim: Annotated[
        list[int] | None, typer.Option(help="Number of a wrong claim, from `h document show`; may be repeated.")
    ] = None,
    user: Annotated[str, typer.Option(metavar="NAME", help="User whose claims are all wrong.")] = "",
) -> None:
    """Withdraw claims, so that a document falls apart into those pages that nothing else joins.

    A withdrawn claim is kept, and not taken on again; without --user from nobody.
    """
    if not claim and not user:
        raise NothingToWithdrawError("Say what is wrong: --claim or --user. `h document show` lists the claims.")
    with tools() as held:
        user_id = find(held, user).id if user else None
        done = _split(held, uri, claim or [], user_id)
    typer.echo(f"Withdrew {done.withdrawn} claims.")
    if len(done.parts) == 1:
        typer.echo("It is one document still.")
    else:
        typer.echo(f"These are {len(done.parts)} documents now:")
        for part in done.parts:
            typer.echo(f"{part.uri} with {part.annotations} annotations")


@app.command("migrate-uris")
def migrate_uris(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help='JSON: {"old address": {"url": "new address", "document": {…}, "selectors": […]}, …}.'),
    ],
) -> None:
    """Move annotations to the new addresses of their pages, in pieces; start it again after an interruption."""
    try:
        moves = moving.moves_of(orjson.loads(file.read()))
    except orjson.JSONDecodeError as error:
        raise moving.InvalidMoveError(f"The file is not JSON: {error}.") from error
    with tools() as held:
        for move in moves:
            total = 0
            while moved := _move_some(held, move):
                total += moved
            typer.echo(f"{move.old}: {total} moved to {move.new}")


def _move_some(held: Tools, move: moving.Move) -> int:
    with held.database.transaction() as session:
        return moving.move_some(session, move=move, now=held.now)


def _find(connection: Connection | Session, uri: str) -> int:
    document_id = documents.document_of(connection, uri=uri)
    if document_id is None:
        raise NoSuchDocumentError(f"No document is known under {uri}.")
    return document_id


def _split(held: Tools, uri: str, claims: list[int], user_id: int | None) -> documents.Split:
    with held.database.transaction() as session:
        document_id = _find(session, uri)
        known = {row["id"] for row in documents.joining_claims(session, document_id=document_id)}
        for number in claims:
            if number not in known:
                raise NothingToWithdrawError(f"The document has no claim {number}.")
        return documents.split(session, document_id=document_id, claim_ids=claims, user_id=user_id, now=held.now)
