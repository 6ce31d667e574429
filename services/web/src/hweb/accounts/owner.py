"""Whether it is the owner who asks: what decides over an account needs more than a session.

Accounts that log in elsewhere have no password here; there the user name is asked for, so that at least nothing happens
by a wrong click.
"""

from collections.abc import Mapping
from typing import Final

from hcommon.ids import normalize_username

from hweb.accounts import passwords, queries
from hweb.accounts.schemas import Account
from hweb.resources import Resources

WRONG_PASSWORD: Final = "This is not your password."  # noqa: S105 - what a page says
WRONG_NAME: Final = "This is not your user name."


def account_of(held: Resources, user_id: int | None) -> Account | None:
    """Return the account of a session's user; None for a visitor who is not logged in."""
    if user_id is None:
        return None
    with held.database.read() as connection:
        return queries.by_id(connection, user_id=user_id, authority=held.settings.authority)


def problems_of(account: Account, form: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the password, or user name, of the form's field of that name."""
    if account.password_hash is None:
        same = normalize_username(form.get("username", "")) == normalize_username(account.username)
        return {} if same else {"username": WRONG_NAME}
    return {} if passwords.is_right(account.password_hash, form.get("password", "")) else {"password": WRONG_PASSWORD}
