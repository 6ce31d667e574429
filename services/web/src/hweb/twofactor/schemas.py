"""Shapes of the second factor."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class State:
    """The second factor of an account that has one.

    Attributes:
        codes_left: How many recovery codes were not used yet.
    """

    since: datetime
    codes_left: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What a code is compared with.

    Attributes:
        last_step: Time step of the last code that was used.
    """

    secret_encrypted: str = field(repr=False)
    last_step: int
