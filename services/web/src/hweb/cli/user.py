"""`h user`: accounts of the site's own authority."""

import sys
from typing import Annotated

import typer
from hcommon.errors import ErrorKind, HError
from hcommon.ids import InvalidUseridError, split_userid

from hweb.accounts import passwords, queries, service
from hweb.accounts.schemas import Account, NewAccount, username_problem
from hweb.cli.application import Tools, new_app, show, tools
from hweb.oidc import service as oidc
from hweb.twofactor import service as twofactor

app = new_app("Accounts.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


class NoSuchUserError(HError):
    """No account has this name."""

    kind = ErrorKind.NOT_FOUND


class InvalidAccountError(HError):
    """An account cannot be made of this."""


@app.command()
def add(
    name: Name,
    email: Annotated[str, typer.Option(help="E-mail address; without one the account gets no mail.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="May administer the site.")] = False,
    password_stdin: PasswordStdin = False,
) -> None:
    """Create an active account; its password is asked for."""
    with tools() as held:
        new = NewAccount(username=name, email=email, password=_read_password(from_stdin=password_stdin))
        problems = new.problems(by_visitor=False)
        if not email:
            problems.pop("email")
        if problems:
            raise InvalidAccountError("; ".join(f"{field}: {problem}" for field, problem in problems.items()))
        password_hash = passwords.hash_password(new.password)
        with held.database.transaction() as session:
            service.create_account(
                session,
                new=new,
                password_hash=password_hash,
                authority=held.settings.authority,
                now=held.now,
                admin=admin,
            )
    typer.echo(f"Created {name}.")


@app.command()
def admin(
    name: Name, revoke: Annotated[bool, typer.Option("--revoke", help="Take the right away instead.")] = False
) -> None:
    """Let somebody administer the site."""
    with tools() as held:
        account = find(held, name)
        with held.database.transaction() as session:
            service.set_admin(session, user_id=account.id, admin=not revoke)
    typer.echo(f"{account.username} {'does not administer the site any more' if revoke else 'administers the site'}.")


@app.command()
def staff(
    name: Name, revoke: Annotated[bool, typer.Option("--revoke", help="Take the right away instead.")] = False
) -> None:
    """Let somebody use the harmless pages for administrators."""
    with tools() as held:
        account = find(held, name)
        with held.database.transaction() as session:
            service.set_staff(session, user_id=account.id, staff=not revoke)
    typer.echo(f"{account.username} {'is not staff any more' if revoke else 'is staff'}.")


@app.command()
def activate(name: Name) -> None:
    """Activate an account without the mailed link."""
    with tools() as held:
        account = find(held, name)
        with held.database.transaction() as session:
            service.activate(session, user_id=account.id, now=held.now)
    typer.echo(f"{account.username} is active.")


@app.command()
def password(name: Name, password_stdin: PasswordStdin = False) -> None:
    """Set somebody's password; whoever is signed in to the account is signed out."""
    with tools() as held:
        account = find(held, name)
        chosen = _read_password(from_stdin=password_stdin)
        problem = passwords.problem_of(chosen)
        if problem:
            raise InvalidAccountError(f"password: {problem}")
        password_hash = passwords.hash_password(chosen)
        with held.sessions() as sessions, held.database.transaction() as session:
            service.set_password(session, user_id=account.id, password_hash=password_hash, now=held.now)
            sessions.end_all(user_id=account.id)
    typer.echo(f"The password of {account.username} is set.")


@app.command("two-factor")
def two_factor(
    name: Name, off: Annotated[bool, typer.Option("--off", help="Turn it off, and tell the owner by mail.")] = False
) -> None:
    """Say whether logging in to an account asks for a code; turn that off for somebody who has lost everything."""
    with tools() as held:
        account = find(held, name)
        if off:
            with held.database.transaction() as session:
                twofactor.turn_off(session, user_id=account.id, now=held.now)
    on = account.second_factor and not off
    typer.echo(f"Two-factor authentication of {account.username} is {'on' if on else 'off'}.")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 50,
    authority: Annotated[str, typer.Option(help="Whose accounts. Default: the site's own.")] = "",
) -> None:
    """List accounts."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        accounts = queries.listed(connection, authority=authority or held.settings.authority, limit=limit)
    table = Table("Name", "E-mail", "Created", "Active", "Admin", "Two-factor", box=None)
    for account in accounts:
        active, admin = account.activated_at is not None, account.admin
        table.add_row(
            account.username,
            account.email or "",
            f"{account.created:%Y-%m-%d}",
            "yes" if active else "no",
            "yes" if admin else "",
            "yes" if account.second_factor else "",
        )
    show(table)


@app.command()
def rename(name: Name, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="The new user name.")]) -> None:
    """Give an account another name, at once; annotations show it, and search knows it within minutes."""
    with tools() as held:
        account = find(held, name)
        problem = username_problem(new_name)
        if problem:
            raise InvalidAccountError(f"username: {problem}")
        with held.database.transaction() as session:
            service.rename(session, user_id=account.id, username=new_name, now=held.now)
    typer.echo(f"{account.username} is {new_name} now.")


@app.command()
def delete(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete an account: nobody can use it from now on, and the worker removes what it wrote."""
    with tools() as held:
        account = find(held, name)
        if not yes:
            typer.confirm(f"Delete {account.username} and everything that it wrote?", abort=True)
        with held.sessions() as sessions, held.database.transaction() as session:
            service.mark_deleted(session, user_id=account.id, now=held.now)
            sessions.end_all(user_id=account.id)
    typer.echo(f"{account.username} is deleted; what it wrote disappears within minutes.")


@app.command()
def connect(
    name: Name,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="What the provider calls the person (`sub`).")],
) -> None:
    """Let somebody log in to an account through the site's identity provider."""
    with tools() as held:
        if held.settings.oidc_issuer is None:
            raise InvalidAccountError("This site has no identity provider: set OIDC_ISSUER.")
        account = find(held, name)
        with held.database.transaction() as session:
            oidc.connect(
                session,
                user_id=account.id,
                provider=held.settings.oidc_issuer,
                subject=subject,
                authority=held.settings.authority,
                now=held.now,
            )
    typer.echo(f"{account.username} logs in with {held.settings.provider_name}.")


def find(held: Tools, name: str) -> Account:
    """Return the account of a name, or of a userid, which may be of another authority.

    Raises:
        NoSuchUserError: There is none.
    """
    try:
        username, authority = split_userid(name)
    except InvalidUseridError:
        username, authority = name, held.settings.authority
    with held.database.read() as connection:
        account = queries.by_username(connection, username=username, authority=authority)
    if account is None:
        raise NoSuchUserError(f"There is no account named {name}.")
    return account


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    chosen: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return chosen
