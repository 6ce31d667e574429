"""`h group`: groups and their members."""

from typing import Annotated

import typer
from hcommon.models import Group
from hcommon.models.group import Role
from sqlalchemy import select

from hweb.cli.application import new_app, tools
from hweb.cli.user import find
from hweb.groups import service
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
