"""Retries and dead letters kept in PostgreSQL, for the services whose queue is shared."""

import traceback
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import insert

from hcommon.bus.consumer import Delivery
from hcommon.clock import Clock
from hcommon.db.engine import Database
from hcommon.errors import UnavailableError
from hcommon.events.base import Consumer
from hcommon.logging import get_logger
from hcommon.models import DeadLetter, OutboxEvent

MAX_ATTEMPTS = 40
FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(hours=1)

_log = get_logger(__name__)


def _ignore(_: str) -> None:
    return


class OutboxFailures:
    """Puts a failed event back into the outbox, addressed to its consumer alone, later each time.

    Delays double from one second to one hour, so that the last of the tries comes more than a day after the first.
    """

    def __init__(
        self,
        *,
        database: Database,
        consumer: Consumer,
        clock: Clock,
        on_unknown: Callable[[str], None],
        on_retry: Callable[[str], None] = _ignore,
        on_bury: Callable[[str], None] = _ignore,
    ) -> None:
        """Prepare.

        Args:
            database: Where retries and dead letters are written.
            consumer: Whose failures these are.
            clock: Tells when.
            on_unknown: Counts a message that was not understood, by its type.
            on_retry: Counts an event that was put back, by its type.
            on_bury: Counts an event that became a dead letter, by its type.
        """
        self._database = database
        self._consumer = consumer
        self._clock = clock
        self._on_unknown = on_unknown
        self._on_retry = on_retry
        self._on_bury = on_bury

    def retry(self, delivery: Delivery, error: UnavailableError) -> None:
        """Keep it for later, or bury it after the last try.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away; nothing was kept.
        """
        attempts = delivery.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            self.bury(delivery, error)
            return
        event = delivery.event
        due_at = self._clock.now() + retry_delay(attempts)
        with self._database.transaction() as session:
            session.execute(
                insert(OutboxEvent).values(
                    event_id=event.id,
                    type=event.TYPE,
                    payload=delivery.payload(),
                    occurred_at=event.occurred_at,
                    consumer=self._consumer.value,
                    attempts=attempts,
                    due_at=due_at,
                )
            )
        _log.warning(
            "event_postponed",
            type=event.TYPE,
            event_id=str(event.id),
            request_id=event.request_id or "",
            attempts=attempts,
            due_at=due_at.isoformat(),
            reason=error.reason,
        )
        self._on_retry(event.TYPE)

    def bury(self, delivery: Delivery, error: Exception) -> None:
        """Put it among the dead letters.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away; nothing was kept.
        """
        event = delivery.event
        with self._database.transaction() as session:
            session.execute(
                insert(DeadLetter).values(
                    event_id=event.id,
                    type=event.TYPE,
                    payload=delivery.payload(),
                    occurred_at=event.occurred_at,
                    consumer=self._consumer.value,
                    attempts=delivery.attempts + 1,
                    error=_last_line(error),
                    buried_at=self._clock.now(),
                )
            )
        _log.error(
            "event_buried",
            type=event.TYPE,
            event_id=str(event.id),
            request_id=event.request_id or "",
            attempts=delivery.attempts + 1,
        )
        self._on_bury(event.TYPE)

    def unknown(self, event_type: str) -> None:
        """Count it."""
        self._on_unknown(event_type)


def _last_line(error: Exception) -> str:
    """Return the error as PostgreSQL can keep it: without NUL and lone surrogates."""
    text = "".join(traceback.format_exception_only(error)).strip()
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after the `attempts`-th failure."""
    return min(FIRST_DELAY * (1 << min(attempts - 1, 12)), LONGEST_DELAY)
