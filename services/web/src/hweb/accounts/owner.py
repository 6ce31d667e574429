"""Whether it is the owner who asks: what decides over an account needs more than a session.

Accounts that log in elsewhere have no password here. Before they are deleted the user name is asked for, so that at
least nothing happens by a wrong click. What would let somebody else in for good is not done on a session alone.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Final

from hcommon.ids import normalize_username

from hweb.accounts import passwords, queries
from hweb.accounts.schemas import Account
from hweb.resources import Resources
from hweb.visitor import Visitor

WRONG_PASSWORD: Final = "This is not your password."  # noqa: S105 - what a page says
WRONG_NAME: Final = "This is not your user name."
JUST_NOW: Final = timedelta(minutes=15)
"""How long after a log-in it stands for the password."""


class Proof(Enum):
    """What somebody has to bring who wants another way into an account."""

    NOTHING = "nothing"
    PASSWORD = "password"  # noqa: S105 - the name of a kind of proof
    LOG_IN = "log_in"


def account_of(held: Resources, user_id: int | None) -> Account | None:
    """Return the account of a session's user; None for a visitor who is not logged in."""
    if user_id is None:
        return None
    with held.database.read() as connection:
        return queries.by_id(connection, user_id=user_id, authority=held.settings.authority)


def problems_of(account: Account, form: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the password, or user name, of the form's field of that name."""
    if account.password_hash is None:
        same = normalize_username(form.get("username", "").strip()) == normalize_username(account.username)
        return {} if same else {"username": WRONG_NAME}
    return {} if passwords.is_right(account.password_hash, form.get("password", "")) else {"password": WRONG_PASSWORD}


def proof_of(held: Resources, account: Account, visitor: Visitor) -> Proof:
    """Return what is asked for before an account gets another way in.

    Nothing right after a log-in, which asked for all that there is; otherwise the password, since a session may have
    been stolen; or a new log-in where no password counts.
    """
    session = visitor.session
    if session is not None and held.clock.now() - session.created <= JUST_NOW:
        return Proof.NOTHING
    has_password = account.password_hash is not None and held.settings.password_login
    return Proof.PASSWORD if has_password else Proof.LOG_IN


def is_proved(held: Resources, account: Account, visitor: Visitor, form: Mapping[str, str]) -> bool:
    """Tell whether what `proof_of` asks for was brought."""
    proof = proof_of(held, account, visitor)
    return proof is Proof.NOTHING or (
        proof is Proof.PASSWORD and passwords.is_right(account.password_hash, form.get("password", ""))
    )
