"""Shapes of the list of log-ins."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Application:
    """An application that was given access to an account, by one log-in or several.

    Attributes:
        given: First of the log-ins that still hold.
        used: When it last asked for a token.
    """

    client_id: UUID
    name: str
    given: datetime
    used: datetime
