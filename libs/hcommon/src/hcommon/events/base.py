"""The event envelope.

Events carry ids and facts, never rows: a consumer reads the current state from PostgreSQL, so that late, repeated
and reordered events do no harm. Delivery is at least once. New fields have defaults and unknown fields are ignored,
so that services deploy in any order.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field


class Consumer(StrEnum):
    """A service that consumes events."""

    WORKER = "worker"
    INDEXER = "indexer"
    WEBSOCKET = "websocket"


class Event(BaseModel):
    """Something that happened, recorded in the transaction that made it happen.

    Attributes:
        TYPE: Name on the wire, `<noun>.<past tense>`; also the routing key.
        CONSUMERS: The services that are told.
        id: Identifies the event across retries.
        occurred_at: When the transaction's request or task ran.
        request_id: The request that caused it, for following a click through every service's log.
        client_id: `X-Client-Id` of the request: the browser tab that must not hear its own echo.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    CONSUMERS: ClassVar[frozenset[Consumer]]

    id: UUID = Field(default_factory=uuid4)
    occurred_at: datetime
    request_id: str | None = None
    client_id: str | None = None


def causes(events: Sequence[Event]) -> dict[str, int | list[str]]:
    """Return what the one log line about a batch says of it: how many, of which types, caused by which requests."""
    return causes_of([(event.TYPE, event.request_id) for event in events])


def causes_of(told: Sequence[tuple[str, str | None]]) -> dict[str, int | list[str]]:
    """Return what `causes` does, of events that nobody has decoded: their types and request ids."""
    return {
        "events": len(told),
        "types": sorted({event_type for event_type, _ in told}),
        "request_ids": list(dict.fromkeys(request_id for _, request_id in told if request_id)),
    }
