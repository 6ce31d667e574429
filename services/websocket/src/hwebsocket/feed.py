"""From the broker's thread to the event loop.

The thread consumes this process's own queue and reads the annotations of a batch; the loop finds the sockets and
writes to them, and the thread waits for it, so that events are acknowledged after they were handled.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from hcommon.bus import topology
from hcommon.bus.consumer import Delivery, EventConsumer
from hcommon.clock import Clock
from hcommon.db.engine import DatabaseUnavailableError
from hcommon.errors import UnavailableError
from hcommon.events.base import Event, causes
from hcommon.logging import bound, get_logger
from hcommon.metrics import Metrics

from hwebsocket.loading import Loaded, Loader
from hwebsocket.metrics import BATCHES_FULL, EVENT_LAG, EVENTS_FAILED, EVENTS_HANDLED, EVENTS_UNKNOWN, FAN_OUT
from hwebsocket.subscriptions import Subscribers

_MAX_BATCH: Final = 200
_MAX_WAIT_SECONDS: Final = 0.005
_RESTART_SECONDS: Final = 1.0

_log = get_logger(__name__)


class CountedFailures:
    """Counts what cannot be handled and lets it go.

    The queue is this process's own and what it brings is old after a moment: nothing is kept for later. Clients see
    the state of things at their next search.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def retry(self, delivery: Delivery, error: UnavailableError) -> None:
        """Count it; there is no second try."""
        self.bury(delivery, error)

    def bury(self, delivery: Delivery, error: Exception) -> None:
        """Count it."""
        event = delivery.event
        _log.error("event_dropped", type=event.TYPE, event_id=str(event.id), error=type(error).__name__)
        self._metrics.count(EVENTS_FAILED, type=event.TYPE)

    def unknown(self, event_type: str) -> None:
        """Count it."""
        _log.info("event_unknown", type=event_type)
        self._metrics.count(EVENTS_UNKNOWN)


class Feed:
    """One thread that consumes events as long as the process lives."""

    def __init__(
        self,
        *,
        broker_url: str,
        instance: str,
        loader: Loader,
        subscribers: Subscribers,
        clock: Clock,
        metrics: Metrics,
        on_missed: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Prepare; nothing connects before `start`.

        Args:
            broker_url: Where the events come from.
            instance: Names the process's own queue.
            loader: Reads what a batch is about.
            subscribers: Find the sockets and write to them.
            clock: For the lag.
            metrics: For counts.
            on_missed: Awaited on the event loop when events have passed that no socket here has heard of.
        """
        self._instance = instance
        self._loader = loader
        self._subscribers = subscribers
        self._clock = clock
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._consumer = EventConsumer(
            broker_url=broker_url,
            queue=topology.websocket_queue(instance),
            handle=self.handle,
            failures=CountedFailures(metrics),
            max_batch=_MAX_BATCH,
            max_wait_seconds=_MAX_WAIT_SECONDS,
            on_connected=self._review,
            on_missed=self._missed,
        )
        self._was_connected = False
        self._last_lag_seconds: float | None = None
        self._on_missed = on_missed

    @property
    def news(self) -> str:
        """How late the last event was, in words."""
        lag = self._last_lag_seconds
        return "none yet" if lag is None else f"the last came {lag:.3f} s after its change"

    @property
    def is_connected(self) -> bool:
        """Whether the queue is being consumed."""
        return self._consumer.connected.is_set()

    def start(self) -> None:
        """Start consuming; events are handled on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finish the batch in hand and stop; the rest waits in the queue for the process's return."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    def handle(self, events: Sequence[Event]) -> None:
        """Handle a batch, in the feed's thread; return when all of it was written to the sockets.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away; the consumer waits for it and tries again.
        """
        assert self._loop is not None, "start() comes first"  # noqa: S101 - a programmer's mistake
        loaded = self._loader.load(events)
        asyncio.run_coroutine_threadsafe(self._deliver(events, loaded), self._loop).result()

    def _missed(self) -> None:
        assert self._loop is not None, "start() comes first"  # noqa: S101 - a programmer's mistake
        _log.warning("events_missed", queue=self._instance)
        asyncio.run_coroutine_threadsafe(self._on_missed(), self._loop)  # takes its time, and the feed goes on

    def _review(self) -> None:
        """After an outage look at who may see what: a queue that expired meanwhile took its events with it."""
        assert self._loop is not None, "start() comes first"  # noqa: S101 - a programmer's mistake
        while self._was_connected and not self._stop.is_set():
            try:
                ended, principals = self._loader.review()
            except DatabaseUnavailableError:
                self._stop.wait(_RESTART_SECONDS)
                continue
            sessions = self._subscribers.sessions
            asyncio.run_coroutine_threadsafe(sessions.review(ended, principals), self._loop).result()
            break
        self._was_connected = True

    async def _deliver(self, events: Sequence[Event], loaded: Loaded) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for event in events:
            with bound(event_id=str(event.id), request_id=event.request_id or ""):
                try:
                    await self._subscribers.deliver(event, loaded)
                except Exception:  # noqa: BLE001 - one event's bug must not repeat or withhold the rest of its batch
                    _log.exception("event_failed", type=event.TYPE)
                    self._metrics.count(EVENTS_FAILED, type=event.TYPE)
        sent = await self._subscribers.writes.flush()
        milliseconds = (loop.time() - started) * 1000
        self._metrics.timing(FAN_OUT, milliseconds)
        if len(events) >= _MAX_BATCH:
            self._metrics.count(BATCHES_FULL)
        now = self._clock.now()
        _log.info("events_delivered", frames=sent, milliseconds=round(milliseconds, 2), **causes(events))
        for event in events:
            self._metrics.count(EVENTS_HANDLED, type=event.TYPE)
            self._last_lag_seconds = (now - event.occurred_at).total_seconds()
            self._metrics.timing(EVENT_LAG, self._last_lag_seconds * 1000)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._consumer.run(self._stop)
            except Exception:  # noqa: BLE001 - without this thread sockets would live on and hear nothing
                _log.exception("feed_failed")
                self._stop.wait(_RESTART_SECONDS)
