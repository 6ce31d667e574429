"""Users as applications send them, with every rule about their form.

Source: specification of the API, section 1.14; keys that are not known are ignored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, NotRequired

from hcommon.errors import HError
from pydantic import Field
from typing_extensions import TypedDict

from hweb.accounts.schemas import EMAIL_CHARACTERS, USERNAME_RULE, email_problem, username_problem
from hweb.annotations.checks import Checks

MAX_DISPLAY_NAME: Final = 30
MAX_IDENTITY: Final = 255
MAX_IDENTITIES: Final = 20
_HOSTNAME: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62})?)*")


class InvalidUserError(HError):
    """The user cannot be as it is asked for."""


class IdentityKey(NamedTuple):
    """How a provider knows a user."""

    provider: str
    provider_unique_id: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be made."""

    username: str
    email: str | None
    display_name: str | None
    identities: tuple[IdentityKey, ...]


def parse_new(body: Mapping[str, Any], *, authority: str) -> NewUser:
    """Return the user that a request body asks for.

    Args:
        body: What was sent.
        authority: That of the application, which the body must name too.

    Raises:
        InvalidUserError: Naming each field that is wrong.
    """
    checks = Checks(error=InvalidUserError)
    for name in ("authority", "username"):
        if name not in body:
            checks.problem(name, "is required")
    if "email" not in body and "identities" not in body:
        checks.problem("email", "is required without identities")
    named = checks.text(body, "authority", path="authority")
    if named is not None and _HOSTNAME.fullmatch(named) is None:
        checks.problem("authority", "must be a host name")
    elif named is not None and named != authority:
        checks.problem("authority", "does not match that of the application")
    username = checks.text(body, "username", path="username")
    if username is not None and username_problem(username):
        checks.problem("username", USERNAME_RULE)
    email = _email(checks, body)
    display_name = checks.text(body, "display_name", path="display_name", longest=MAX_DISPLAY_NAME)
    identities = parse_identities(checks, body, path="identities")
    checks.finish()
    return NewUser(username or "", email, display_name, identities)


def parse_changes(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that a request body changes.

    Raises:
        InvalidUserError: Naming each field that is wrong.
    """
    checks = Checks(error=InvalidUserError)
    found = {
        "email": _email(checks, body),
        "display_name": checks.text(body, "display_name", path="display_name", longest=MAX_DISPLAY_NAME),
    }
    checks.finish()
    return {name: value for name, value in found.items() if value is not None}


def parse_identities(checks: Checks, body: Mapping[str, Any], *, path: str) -> tuple[IdentityKey, ...]:
    """Return each identity once; there is at least one where the key stands at all."""
    if body.get("identities") == []:
        checks.problem(path, "must have an item at least")
    found = []
    for place, item in checks.objects(body, "identities", path=path, longest=MAX_IDENTITIES):
        parts = []
        for name in IdentityKey._fields:
            if name not in item:
                checks.problem(f"{place}.{name}", "is required")
            text = checks.text(item, name, path=f"{place}.{name}", longest=MAX_IDENTITY)
            if text == "":
                checks.problem(f"{place}.{name}", "must not be empty")
            parts.append(text or "")
        found.append(IdentityKey(*parts))
    return tuple(dict.fromkeys(found))


def _email(checks: Checks, body: Mapping[str, Any]) -> str | None:
    email = checks.text(body, "email", path="email")
    problem = None if email is None else email_problem(email)
    if problem:
        checks.problem("email", problem)
    return email


DisplayName = Annotated[str, Field(max_length=MAX_DISPLAY_NAME)]
Email = Annotated[str, Field(max_length=EMAIL_CHARACTERS, pattern="@")]
IdentityPart = Annotated[str, Field(min_length=1, max_length=MAX_IDENTITY)]


class Identity(TypedDict):
    """How a provider knows a user."""

    provider: IdentityPart
    provider_unique_id: IdentityPart


Identities = Annotated[list[Identity], Field(min_length=1, max_length=MAX_IDENTITIES)]


class UserCreate(TypedDict):
    """A user to be made, with an address or identities; the authority is the application's own."""

    authority: str
    username: Annotated[str, Field(min_length=3, max_length=30)]
    email: NotRequired[Email]
    display_name: NotRequired[DisplayName]
    identities: NotRequired[Identities]


class UserUpdate(TypedDict, total=False):
    """What is to change."""

    email: Email
    display_name: DisplayName


class User(TypedDict):
    """A user, as applications of the same authority see one."""

    authority: str
    userid: str
    username: str
    display_name: str | None
    email: str | None
