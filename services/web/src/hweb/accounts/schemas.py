"""What forms of accounts hold, and what is wrong with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hcommon.ids import is_valid_username

from hweb.accounts import passwords
from hweb.accounts.reserved import is_reserved

EMAIL_CHARACTERS: Final = 100
TAKEN: Final = "This name is taken. Please choose another."
USERNAME_RULE: Final = "Use 3 to 30 letters, digits, dots and underscores; no dot at either end."
EMAIL_RULE: Final = f"Must be an e-mail address of at most {EMAIL_CHARACTERS} characters."

_EMAIL = re.compile(r"[^@\s\x00-\x20\x7f<>(),;:\\\"]+@[^@\s\x00-\x20\x7f<>(),;:\\\"]+")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the rules see it.

    Attributes:
        activated_at: None until the mailed link was followed.
        second_factor: The password alone does not log in.
    """

    id: int
    username: str
    email: str | None
    password_hash: str | None = field(repr=False)
    activated_at: datetime | None
    admin: bool
    created: datetime
    password_changed_at: datetime | None = None
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What somebody who wants an account says."""

    username: str
    email: str
    password: str = field(repr=False)
    privacy_accepted: bool = False
    comms_opt_in: bool = False

    @classmethod
    def of_form(cls, form: Mapping[str, str]) -> "NewAccount":
        """Read the fields of a form; missing ones are empty."""
        return cls(
            username=form.get("username", "").strip(),
            email=form.get("email", "").strip(),
            password=form.get("password", ""),
            privacy_accepted=_is_checked(form.get("privacy_accepted")),
            comms_opt_in=_is_checked(form.get("comms_opt_in")),
        )

    def problems(self, *, by_visitor: bool, with_password: bool = True) -> dict[str, str]:
        """Return what is wrong, by field; empty when all is well.

        Args:
            by_visitor: Reserved names are taken, and consent is needed; for people who run the site neither holds.
            with_password: The account shall have one; not so when a provider vouches for its owner.
        """
        found = {
            "username": username_problem(self.username),
            "email": email_problem(self.email),
            "password": passwords.problem_of(self.password) if with_password else None,
        }
        if by_visitor and found["username"] is None and is_reserved(self.username):
            found["username"] = TAKEN
        if by_visitor and not self.privacy_accepted:
            found["privacy_accepted"] = "Please accept the privacy policy; without it there can be no account."
        return {name: problem for name, problem in found.items() if problem}


def username_problem(username: str) -> str | None:
    """Return why a new account cannot have this name, or None."""
    return None if is_valid_username(username) else USERNAME_RULE


def email_problem(email: str) -> str | None:
    """Return why this is no address to write to, or None."""
    return None if len(email) <= EMAIL_CHARACTERS and _EMAIL.fullmatch(email) else EMAIL_RULE


def _is_checked(value: str | None) -> bool:
    return value is not None and value.lower() not in ("", "0", "false", "off")
