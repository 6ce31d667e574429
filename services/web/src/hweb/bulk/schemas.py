"""What jobs are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hweb.users.schemas import IdentityKey

LONGEST_JOB: Final = 1_000
SHORTEST_JOB: Final = 2
BATCH: Final = 100
"""Commands of one kind that are done with the same statements."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The first command.

    Attributes:
        shows_ids: Whether the answer lists what was done.
        effective_userid: Who owns the groups that are made.
        total: Number of lines, this one included.
    """

    shows_ids: bool
    effective_userid: str
    total: int


@dataclass(frozen=True, slots=True)
class UserUpsert:
    """Make a user or bring one up to date.

    Attributes:
        display_name: None leaves what is there.
        anchor: Name for later commands, or None.
    """

    username: str
    display_name: str | None
    identities: tuple[IdentityKey, ...]
    anchor: str | None


@dataclass(frozen=True, slots=True)
class GroupUpsert:
    """Make a private group or give it another name."""

    authority_provided_id: str
    name: str
    anchor: str | None


@dataclass(frozen=True, slots=True)
class MembershipCreate:
    """Make a user a member of a group, both named by anchors of earlier commands."""

    user_anchor: str
    group_anchor: str


Command = UserUpsert | GroupUpsert | MembershipCreate


@dataclass(frozen=True, slots=True)
class Job:
    """All that one request asks for; the commands are numbered from 1, as their lines are."""

    configuration: Configuration
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What a command made or found: `type` and `id` as the answer shows them."""

    type: str
    id: str | int


@dataclass(frozen=True, slots=True)
class Period:
    """Times after `after` (excluded) up to `upto` (included)."""

    after: datetime
    upto: datetime


@dataclass(frozen=True, slots=True)
class AnnotationsFilter:
    """Which annotations are listed: those of groups that this user is in."""

    username: str
    created: Period
    limit: int


@dataclass(frozen=True, slots=True)
class GroupsFilter:
    """Which groups are looked at, by the authority's own ids, and for annotations of which time."""

    provided_ids: tuple[str, ...]
    created: Period


@dataclass(frozen=True, slots=True)
class CountsFilter:
    """What is counted, and by what.

    Attributes:
        by_user: By user, or else by assignment.
        usernames: Normalised; None for everybody.
        assignments: None for all.
    """

    by_user: bool
    provided_ids: tuple[str, ...]
    usernames: tuple[str, ...] | None
    assignments: tuple[str, ...] | None


Anchors = Mapping[str, int]
"""Keys of what commands made or found, by their anchors."""
