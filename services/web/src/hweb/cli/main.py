"""The `h` command: one module a noun."""

from hweb.cli import (
    authclient,
    check,
    document,
    feature,
    group,
    init,
    mail,
    nipsa,
    organization,
    queues,
    search,
    token,
    user,
)
from hweb.cli.application import new_app

app = new_app("Administers an h installation.")
app.command("init")(init.init)
app.command("check")(check.check)
user.app.add_typer(nipsa.app, name="nipsa")
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(authclient.app, name="authclient")
app.add_typer(group.app, name="group")
app.add_typer(organization.app, name="organization")
app.add_typer(feature.app, name="feature")
app.add_typer(search.app, name="search")
app.add_typer(queues.app, name="queues")
app.add_typer(mail.app, name="mail")
app.add_typer(document.app, name="document")


def main() -> None:
    """Run the command line."""
    app()
