"""The relay: recorded events from the outbox to the broker.

A batch is one transaction: lock the due rows, publish them, wait for the broker's confirms, mark them published. A
crash in between publishes some of them again, and never loses one. Any number of relays may run; an advisory lock
lets one at a time publish, so that events leave in the order of their ids, and another takes over at once.
"""

import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, cast

import orjson
from hcommon.bus.backoff import Outage
from hcommon.bus.failures import LONGEST_DELAY
from hcommon.bus.publisher import OutgoingEvent, Publisher
from hcommon.clock import Clock
from hcommon.db.engine import Database
from hcommon.db.prepared import prepared
from hcommon.errors import UnavailableError
from hcommon.events.base import causes_of
from hcommon.logging import get_logger
from hcommon.metrics import Metrics
from hcommon.models import OutboxEvent
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    DateTime,
    Table,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from hworker import metrics as names

ADVISORY_LOCK: Final = 0x68_72_65_6C_61_79  # "hrelay"
UNROUTABLE_DELAY: Final = timedelta(seconds=10)
_GAUGE_SECONDS: Final = 10.0
# A relay whose machine dies in mid-batch must not hold the lock until TCP notices.
_IDLE_IN_TRANSACTION: Final = "30s"

_outbox: Final = cast("Table", OutboxEvent.__table__)
_now: Final = bindparam("now", type_=DateTime(timezone=True))
# Whether a row is to be published: its time has come, or it has none that can be right. Clocks differ: what was never
# put off is due whatever the clock of its writer said, and nobody puts an event off for longer than `LONGEST_DELAY`
# from now: a clock that was ahead did.
_is_due: Final = and_(
    _outbox.c.published_at.is_(None),
    or_(
        _outbox.c.due_at <= _now,
        _outbox.c.due_at == _outbox.c.occurred_at,
        _outbox.c.due_at > _now + LONGEST_DELAY,
    ),
)
# Built once, and planned once a connection: a batch is often a single event.
_ANY_DUE: Final = prepared(select(_outbox.c.id).where(_is_due).limit(1))
_OLDEST_DUE: Final = select(func.min(_outbox.c.due_at)).where(_is_due)
_BECOME_THE_ONE: Final = prepared(
    select(
        func.set_config("idle_in_transaction_session_timeout", _IDLE_IN_TRANSACTION, True),  # noqa: FBT003 - SQL
        func.pg_try_advisory_xact_lock(ADVISORY_LOCK).label("mine"),
    )
)
_LOCKED_DUE: Final = prepared(
    select(_outbox.c.id, _outbox.c.type, _outbox.c.payload, _outbox.c.consumer, _outbox.c.attempts)
    .where(_is_due)
    .order_by(_outbox.c.id)
    .limit(bindparam("limit", type_=BigInteger()))
    .with_for_update(skip_locked=True)
)
_of_these: Final = _outbox.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger())))
_PUBLISHED: Final = prepared(update(_outbox).where(_of_these).values(published_at=bindparam("at")))
_PUT_OFF: Final = prepared(update(_outbox).where(_of_these).values(due_at=bindparam("at")))

_log = get_logger(__name__)


class Relay:
    """Publishes what is due, from the thread that calls `run`."""

    def __init__(
        self,
        *,
        database: Database,
        broker_url: str,
        clock: Clock,
        metrics: Metrics,
        batch_size: int = 500,
        poll_seconds: float = 0.05,
    ) -> None:
        self._database = database
        self._broker_url = broker_url
        self._clock = clock
        self._metrics = metrics
        self._batch_size = batch_size
        self._poll_seconds = poll_seconds
        self._gauge_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set; while the broker or PostgreSQL is away, rows wait."""
        outage = Outage(server="broker or database", role="relay")
        while not stop.is_set():
            try:
                # One connection is kept for looking, which happens twenty times a second.
                with Publisher(self._broker_url) as publisher, self._database.read() as connection:
                    self._relay(publisher, connection, stop, outage)
            except UnavailableError as error:
                stop.wait(outage.failed(error))

    def _relay(self, publisher: Publisher, connection: Connection, stop: threading.Event, outage: Outage) -> None:
        # The first batch is one row: a broker that takes messages and confirms none (RabbitMQ out of memory) gets one
        # duplicate a try instead of hundreds.
        limit = 1
        while not stop.is_set():
            now = self._clock.now()
            due = connection.execute(_ANY_DUE, {"now": now}).first()
            published = self.relay_batch(publisher, limit=limit) if due else 0
            outage.over()
            self._report_age()
            if published:
                limit = self._batch_size
            else:
                stop.wait(self._poll_seconds)

    def relay_batch(self, publisher: Publisher, *, limit: int) -> int:
        """Publish up to `limit` due rows in order; return how many, 0 also while another relay is at it.

        Raises:
            BrokerUnavailableError: Not all were confirmed; all are published again.
            DatabaseUnavailableError: Likewise.
        """
        started = time.perf_counter()
        now = self._clock.now()
        with self._database.transaction() as session:
            events = _lock_due(session, now=now, limit=limit)
            if not events:
                return 0
            unroutable = publisher.publish_all(events)
            sent = [event.key for event in events if event.key not in unroutable]
            session.execute(_PUBLISHED, {"ids": sent, "at": now})
            if unroutable:
                session.execute(_PUT_OFF, {"ids": list(unroutable), "at": now + UNROUTABLE_DELAY})
        self._metrics.count(names.RELAY_PUBLISHED, len(sent))
        milliseconds = (time.perf_counter() - started) * 1000
        self._metrics.timing(names.RELAY_BATCH, milliseconds)
        if sent:
            published = _causes(event for event in events if event.key not in unroutable)
            _log.info("events_published", milliseconds=round(milliseconds, 2), **published)
        if unroutable:
            _log.error("events_unroutable", **_causes(event for event in events if event.key in unroutable))
            self._metrics.count(names.RELAY_UNROUTABLE, len(unroutable))
        return len(events)

    def _report_age(self) -> None:
        if time.monotonic() < self._gauge_at:
            return
        self._gauge_at = time.monotonic() + _GAUGE_SECONDS
        self._metrics.gauge(names.OUTBOX_AGE, self.oldest_age().total_seconds())

    def oldest_age(self) -> timedelta:
        """Return how long the oldest event that is due has waited; nothing when none is, or its clock is ahead."""
        now = self._clock.now()
        with self._database.read() as connection:
            oldest = connection.execute(_OLDEST_DUE, {"now": now}).scalar()
        return max(now - oldest, timedelta()) if oldest else timedelta()


def _causes(events: Iterable[OutgoingEvent]) -> dict[str, int | list[str]]:
    return causes_of([(event.event_type, orjson.loads(event.payload).get("request_id")) for event in events])


def _lock_due(session: Session, *, now: datetime, limit: int) -> list[OutgoingEvent]:
    """Return the next rows, locked; none when another relay is publishing."""
    if not session.execute(_BECOME_THE_ONE).one().mine:
        return []
    due = session.execute(_LOCKED_DUE, {"now": now, "limit": limit})
    return [OutgoingEvent(row.id, row.type, row.payload, row.consumer, row.attempts) for row in due]
