"""What a provider says of people, and what waits for their return."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hcommon.errors import ErrorKind, HError
from hcommon.ids import is_valid_username

from hweb.accounts.schemas import email_problem

MAX_SUBJECT_CHARACTERS: Final = 255
_LONGEST_USERNAME = 30


class NotBegunError(HError):
    """What the visitor came back with was not begun in this browser, was used, or is too old."""

    def __init__(self) -> None:
        super().__init__(
            "This log-in was begun in another browser, was used already, or took too long. Please start again."
        )


class IdentityTakenError(HError):
    """Another account is connected with this identity."""

    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says of somebody.

    Attributes:
        subject: Never changes and is never given to anybody else, unlike everything below.
        email: Empty when it says none that can be written to.
        email_verified: The provider says that it has seen mail arrive there.
        username: A name that the person may like; empty when it says none that fits.
    """

    subject: str
    email: str
    email_verified: bool
    username: str

    @classmethod
    def of(cls, subject: str, values: dict[str, Any]) -> "Claims":
        """Read the claims that may be missing, or be of any type."""
        email = values.get("email")
        usable = email if isinstance(email, str) and email_problem(email) is None else ""
        name = values.get("preferred_username")
        return cls(
            subject=subject,
            email=usable,
            # A string "true" is what some providers send; anything that is neither counts as unverified.
            email_verified=bool(usable) and values.get("email_verified") in (True, "true"),
            username=_suggestion(name if isinstance(name, str) else "") or _suggestion(usable),
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody has been sent to the provider.

    Attributes:
        nonce: Comes back in the ID token.
        verifier: Of the PKCE challenge.
        carried: What the chain of pages hands on (`accounts.redirects.carried_fields`).
        user_id: Whose account is to be connected; None to log in.
    """

    nonce: str
    verifier: str
    carried: dict[str, str]
    user_id: int | None


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody has come from the provider whose identity no account is connected with.

    Attributes:
        carried: As in `Begun`.
    """

    claims: Claims
    carried: dict[str, str]


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity that an account is connected with."""

    provider: str
    provider_unique_id: str
    created: datetime


def _suggestion(text: str) -> str:
    """Return a user name that looks like this one or, of an address, like the part before the `@`."""
    plain = unicodedata.normalize("NFKD", text.partition("@")[0]).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._]+", "_", plain)[:_LONGEST_USERNAME].strip(".")
    return name if is_valid_username(name) else ""
