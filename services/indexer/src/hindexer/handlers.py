"""From a batch of events to search documents: one query reads the rows, one writes the documents."""

import time
from collections.abc import Sequence
from itertools import chain
from typing import Final

from hcommon.clock import Clock
from hcommon.db.engine import Database
from hcommon.events.base import Event, causes
from hcommon.logging import get_logger
from hcommon.metrics import Metrics
from hcommon.search.document import read_batch
from hcommon.search.writer import SearchWriter

from hindexer import metrics as names
from hindexer.subscriptions import SUBSCRIPTIONS

ANNOTATIONS_AT_ONCE: Final = 500
"""How many are read and written at a time."""

_log = get_logger(__name__)


class BatchHandler:
    """Brings the index up to date with whatever a batch of events is about.

    The current state is read, so events may come late, twice and in any order.
    """

    def __init__(
        self, *, database: Database, writer: SearchWriter, clock: Clock, metrics: Metrics, max_batch: int
    ) -> None:
        """Take the collaborators, and how many events a call brings at most."""
        self._max_batch = max_batch
        self._database = database
        self._writer = writer
        self._clock = clock
        self._metrics = metrics

    def __call__(self, events: Sequence[Event]) -> None:
        """Index what the events are about.

        Raises:
            UnavailableError: PostgreSQL or the index is away; all of it can be done again.
        """
        started = time.perf_counter()
        known = [event for event in events if type(event) in SUBSCRIPTIONS]
        if len(known) < len(events):  # an older binding of the queue: events that were ours once
            self._metrics.count(names.UNKNOWN, len(events) - len(known))
        if not known:
            return
        ids = list(dict.fromkeys(chain.from_iterable(SUBSCRIPTIONS[type(event)](event) for event in known)))
        # An event may be about 500 annotations, so a batch is not written at once.
        written = removed = 0
        for start in range(0, len(ids), ANNOTATIONS_AT_ONCE):
            with self._database.read() as connection:
                batch = read_batch(connection, ids[start : start + ANNOTATIONS_AT_ONCE])
            self._writer.write(batch)
            written += len(batch.documents)
            removed += len(batch.removals)
        milliseconds = (time.perf_counter() - started) * 1000
        lag = self._clock.now() - min(event.occurred_at for event in known)
        self._metrics.timing(names.BATCH, milliseconds)
        self._metrics.timing(names.LAG, max(lag.total_seconds() * 1000, 0))
        if len(events) >= self._max_batch:
            self._metrics.count(names.BATCHES_FULL)
        self._metrics.count(names.WRITTEN, written)
        self._metrics.count(names.REMOVED, removed)
        _log.info(
            "batch_indexed", written=written, removed=removed, milliseconds=round(milliseconds, 2), **causes(known)
        )
