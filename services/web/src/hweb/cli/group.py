"""`h group`: groups and their members."""

from typing import Annotated

import typer
from hcommon.models import Group
from hcommon.models.group import Role
from sqlalchemy import select

from hweb.cli.application import new_app, tools
from hweb.cli.user import find
from hweb.groups import deletion, service
from hweb.groups.service import GroupNotFoundError, GroupType

app = new_app("Groups and their members.")


@app.callback()
def group() -> None:
    """Groups and their members."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people see, 3 to 25 characters.")],
    *,
    owner: Annotated[str, typer.Option(help="User who owns it.")],
    group_type: Annotated[
        GroupType,
        typer.Option(
            "--type", help="private: members read and write; restricted: all read, members write; open: all do both."
        ),
    ] = "private",
) -> None:
    """Create a group and print its id."""
    with tools() as held:
        account = find(held, owner)
        with held.database.transaction() as session:
            pubid = service.create(
                session,
                name=name,
                group_type=group_type,
                creator_id=account.id,
                authority=held.settings.authority,
                now=held.now,
            )
    typer.echo(pubid)


@app.command()
def member(
    pubid: Annotated[str, typer.Argument(help="The group's id.", metavar="GROUP")],
    name: Annotated[str, typer.Argument(help="The user.", metavar="USER")],
    *,
    role: Annotated[Role, typer.Option(help="What the user may do there.")] = Role.MEMBER,
) -> None:
    """Make a user a member of a group, or change the role of one."""
    with tools() as held:
        account = find(held, name)
        with held.database.transaction() as session:
            group_id = session.scalar(select(Group.id).where(Group.pubid == pubid))
            if group_id is None:
                raise GroupNotFoundError(f"There is no group {pubid}.")
            service.put_member(session, group_id=group_id, user_id=account.id, role=role, now=held.now)
    typer.echo(f"{account.username} is {role.value} of {pubid}.")


@app.command()
def delete(
    pubid: Annotated[str, typer.Argument(help="The group's id.", metavar="GROUP")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a group: nobody can use it from now on, and the worker removes its annotations."""
    with tools() as held:
        with held.database.read() as connection:
            found = connection.execute(
                select(Group.id, Group.name).where(Group.pubid == pubid, Group.deleted.is_(False))
            ).first()
        if found is None:
            raise GroupNotFoundError(f"There is no group {pubid}.")
        if not yes:
            typer.confirm(f"Delete the group {found.name} and all of its annotations?", abort=True)
        with held.database.transaction() as session:
            deletion.delete(session, group_id=found.id, now=held.now)
    typer.echo(f"{found.name} is deleted; its annotations disappear within minutes.")
