"""`h group`: groups and their members."""

from collections.abc import Mapping
from typing import Annotated

import typer
from hcommon.errors import ErrorKind, HError
from hcommon.ids import make_userid
from hcommon.models.group import Role
from hcommon.presentation.group import group_type as type_of
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from hweb.cli.application import Tools, new_app, show, tools
from hweb.groups import deletion, member_queries, members, queries, service
from hweb.groups.rules import GroupType
from hweb.groups.schemas import GroupChange, group_change
from hweb.groups.service import GroupNotFoundError
from hweb.organizations import queries as organizations

app = new_app("Groups and their members.")

Name = Annotated[str, typer.Argument(help="What people see, 3 to 25 characters.")]
GroupName = Annotated[str, typer.Argument(help="The group's id, or its groupid.", metavar="GROUP")]
UserName = Annotated[str, typer.Argument(help="The user: a name of this site, or a userid.", metavar="USER")]
Type = Annotated[
    GroupType,
    typer.Option("--type", help="private: members read and write; restricted: all read, members write; open: all do."),
]
Description = Annotated[str | None, typer.Option(help="Up to 250 characters.")]
PreModerated = Annotated[
    bool | None, typer.Option("--pre-moderated/--not-pre-moderated", help="New annotations wait for a moderator.")
]
Organization = Annotated[str | None, typer.Option(help="Id of the organisation behind it; none for none.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="A site, or part of one, that it is about.")]
Enforced = Annotated[bool, typer.Option("--enforced/--not-enforced", help="Refuse annotations elsewhere.")]

_NO_ORGANIZATION = "none"


class NoSuchUserError(HError):
    """There is no such user."""

    kind = ErrorKind.NOT_FOUND


@app.callback()
def group() -> None:
    """Groups and their members."""


@app.command("create")
@app.command("add", hidden=True)
def create(
    name: Name,
    *,
    owner: Annotated[str, typer.Option(help="User who owns it.")],
    group_type: Type = "private",
    description: Description = None,
    pre_moderated: PreModerated = None,
    organization: Organization = None,
    scope: Scopes = None,
    enforced: Enforced = True,
) -> None:
    """Create a group and print its id."""
    said = {"name": name, "type": group_type, "description": description, "pre_moderated": pre_moderated}
    with tools() as held, held.database.transaction() as session:
        user = _user(session, held, owner)
        authority = user["authority"]
        pubid = service.create(
            session, group=_change(held, said), creator_id=user["id"], authority=authority, now=held.now
        )
        made = queries.by_pubid(session, pubid=pubid)
        if organization is not None:
            _set_organization(session, held, made, organization)
        if scope:
            service.set_scopes(session, group_id=made["id"], urls=scope, enforce=enforced, now=held.now)
    typer.echo(pubid)


@app.command()
def edit(
    group: GroupName,
    *,
    name: Annotated[str | None, typer.Option(help="What people see, 3 to 25 characters.")] = None,
    group_type: Annotated[GroupType | None, typer.Option("--type", help="private, restricted or open.")] = None,
    description: Description = None,
    pre_moderated: PreModerated = None,
    organization: Organization = None,
    reply_to: Annotated[
        str | None, typer.Option(help="Where answers to mails of its moderators go; '' for the site's address.")
    ] = None,
    email_from_name: Annotated[
        str | None, typer.Option(help="What mails of its moderators call their sender; '' for the site's name.")
    ] = None,
) -> None:
    """Change what is named of a group."""
    said = {"name": name, "type": group_type, "description": description, "pre_moderated": pre_moderated}
    with tools() as held, held.database.transaction() as session:
        found = _group(session, group)
        service.update(session, group=found, change=_change(held, said), now=held.now)
        if organization is not None:
            _set_organization(session, held, found, organization)
        if reply_to is not None or email_from_name is not None:
            service.set_mail(
                session, group_id=found["id"], reply_to=reply_to, email_from_name=email_from_name, now=held.now
            )
    typer.echo(f"{found['pubid']} is changed.")


@app.command()
def scopes(
    group: GroupName,
    urls: Annotated[
        list[str] | None, typer.Argument(help="Sites, or parts of sites; they replace the old ones.")
    ] = None,
    *,
    enforced: Enforced = True,
    clear: Annotated[bool, typer.Option("--clear", help="The group is about everything.")] = False,
) -> None:
    """Say which part of the web a group is about; without addresses, show it."""
    with tools() as held, held.database.transaction() as session:
        found = _group(session, group)
        if urls or clear:
            service.set_scopes(session, group_id=found["id"], urls=urls or (), enforce=enforced, now=held.now)
            found = _group(session, group)
    for url in found["scope_urls"] or ():
        typer.echo(url if found["enforce_scope"] else f"{url} (not enforced)")


@app.command("list")
def list_(
    name: Annotated[str, typer.Argument(help="Part of the name; without it all are listed.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 50,
    *,
    ownerless: Annotated[bool, typer.Option("--ownerless", help="Only groups of the site that nobody owns.")] = False,
) -> None:
    """List groups."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        rows = queries.listed(connection, name=name, limit=limit, ownerless=ownerless)
    table = Table("Id", "Name", "Type", "Authority", "Members", "Created", box=None)
    for row in rows:
        created = f"{row['created']:%Y-%m-%d}"
        table.add_row(row["pubid"], row["name"], type_of(row), row["authority"], str(row["members"]), created)
    show(table)


@app.command("members")
def list_members(group: GroupName) -> None:
    """List the members of a group, by when they joined."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.transaction() as session:
        rows = member_queries.members(session.connection(), group_id=_group(session, group)["id"])
    table = Table("User", "Role", "Since", box=None)
    for row in rows:
        table.add_row(make_userid(row["username"], row["authority"]), row["role"], f"{row['created']:%Y-%m-%d}")
    show(table)


@app.command("join")
@app.command("member", hidden=True)
def join(
    group: GroupName,
    name: UserName,
    *,
    role: Annotated[Role, typer.Option(help="What the user may do there.")] = Role.MEMBER,
) -> None:
    """Make a user a member of a group, or change the role of one."""
    with tools() as held, held.database.transaction() as session:
        found, user = _group(session, group), _user(session, held, name)
        members.put(session, group_id=found["id"], user_id=user["id"], role=role, now=held.now)
    typer.echo(f"{name} is {role.value} of {found['pubid']}.")


@app.command()
def leave(group: GroupName, name: UserName) -> None:
    """End a user's membership."""
    with tools() as held, held.database.transaction() as session:
        found, user = _group(session, group), _user(session, held, name)
        if not members.delete(session, group_id=found["id"], user_id=user["id"], now=held.now):
            raise NoSuchUserError(f"{name} is no member of {found['pubid']}.")
    typer.echo(f"{name} has left {found['pubid']}.")


@app.command()
def delete(group: GroupName, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a group: nobody can use it from now on, and the worker removes its annotations."""
    with tools() as held:
        with held.database.transaction() as session:
            found = _group(session, group)
        if not yes:
            typer.confirm(f"Delete the group {found['name']} and all of its annotations?", abort=True)
        with held.database.transaction() as session:
            deletion.delete(session, group_id=found["id"], now=held.now)
    typer.echo(f"{found['name']} is deleted; its annotations disappear within minutes.")


def _change(held: Tools, said: Mapping[str, object]) -> GroupChange:
    known = {key: value for key, value in said.items() if value is not None}
    return group_change(known, authority=held.settings.authority, site_authority=held.settings.authority)


def _group(session: Session, name: str) -> RowMapping:
    row = queries.by_name(session, name=name)
    if row is None:
        raise GroupNotFoundError(f"There is no group {name}.")
    return row


def _user(session: Session, held: Tools, name: str) -> RowMapping:
    userid = name if name.startswith("acct:") else make_userid(name, held.settings.authority)
    row = member_queries.user(session, userid=userid)
    if row is None:
        raise NoSuchUserError(f"There is no account named {name}.")
    return row


def _set_organization(session: Session, held: Tools, group: RowMapping, pubid: str) -> None:
    organization_id = None
    if pubid != _NO_ORGANIZATION:
        organization_id = organizations.key_of(session, pubid=pubid, authority=group["authority"])
    service.set_organization(session, group_id=group["id"], organization_id=organization_id, now=held.now)
